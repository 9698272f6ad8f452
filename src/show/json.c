/* A scanner that goes through a value once, by the grammar of RFC 8259. */
#include "show/json.h"

#include <string.h>

#define DEEPEST 64
#define LONGEST_NUMBER 60

struct scanner {
    const char *at, *end;
};

/* Whether the next character is one of these; it is taken then. */
static bool take(struct scanner *scanner, const char *which)
{
    bool there = scanner->at < scanner->end && *scanner->at && strchr(which, *scanner->at);
    scanner->at += there;
    return there;
}

static bool take_all(struct scanner *scanner, const char *which)
{
    bool any = false;
    while (take(scanner, which))
        any = true;
    return any;
}

static bool take_word(struct scanner *scanner, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scanner->end - scanner->at) < length || memcmp(scanner->at, word, length) != 0)
        return false;
    scanner->at += length;
    return true;
}

static bool number(struct scanner *scanner)
{
    static const char digits[] = "0123456789";
    const char *begin = scanner->at;
    take(scanner, "-");
    bool fine = take_all(scanner, digits);
    if (fine && take(scanner, "."))
        fine = take_all(scanner, digits);
    if (fine && take(scanner, "eE")) {
        take(scanner, "+-");
        fine = take_all(scanner, digits);
    }
    return fine && scanner->at - begin <= LONGEST_NUMBER;
}

static bool escape(struct scanner *scanner)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    if (!take(scanner, "u"))
        return take(scanner, "\"\\/bfnrt");
    if (scanner->end - scanner->at >= 2 && strchr("dD", scanner->at[0]) && strchr("89abcdefABCDEF", scanner->at[1]))
        return false;
    return take(scanner, hex) && take(scanner, hex) && take(scanner, hex) && take(scanner, hex);
}

/* Behind its first quote. */
static bool string(struct scanner *scanner)
{
    while (scanner->at < scanner->end && *scanner->at != '"')
        if (*scanner->at++ == '\\' && !escape(scanner))
            return false;
    return take(scanner, "\"");
}

static void skip_space(struct scanner *scanner)
{
    take_all(scanner, " \t\r\n");
}

static bool value(struct scanner *scanner, size_t depth);

/* Members or elements, behind the bracket that opens. */
static bool members(struct scanner *scanner, bool named, const char *close, size_t depth)
{
    skip_space(scanner);
    if (take(scanner, close))
        return true;
    do {
        skip_space(scanner);
        if (named) {
            if (!take(scanner, "\"") || !string(scanner))
                return false;
            skip_space(scanner);
            if (!take(scanner, ":"))
                return false;
        }
        if (depth == DEEPEST || !value(scanner, depth + 1))
            return false;
    } while (take(scanner, ","));
    return take(scanner, close);
}

/* And the space around it. */
static bool value(struct scanner *scanner, size_t depth)
{
    skip_space(scanner);
    bool fine = take(scanner, "{")    ? members(scanner, true, "}", depth)
                : take(scanner, "[")  ? members(scanner, false, "]", depth)
                : take(scanner, "\"") ? string(scanner)
                                      : take_word(scanner, "true") || take_word(scanner, "false") ||
                                            take_word(scanner, "null") || number(scanner);
    skip_space(scanner);
    return fine;
}

bool stoa_json_begins(const char *text, size_t size)
{
    struct scanner scanner = {.at = text, .end = text + size};
    return value(&scanner, 0);
}
