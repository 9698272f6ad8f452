/* What is JSON, and what is not; as cJSON has it where the scanner says that it is. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "show/json.h"

static const struct {
    const char *text;
    bool begins;
} rows[] = {
    {"{}", true},
    {" [ ] ", true},
    {"{\"a\": 1, \"b\": [true, false, null, {\"c\": \"\"}]}", true},
    {"[0, -0.5, 1e9, 2.5E-3, 12]", true},
    {"\"\\u00e9 \\\"\\\\ \\n\"", true},
    {"{} and more", true},
    {"", false},
    {"  ", false},
    {"{", false},
    {"{\"a\"", false},
    {"{\"a\":", false},
    {"{\"a\": 1", false},
    {"{\"a\": 1,", false},
    {"{\"a\": 1,}", false},
    {"{a: 1}", false},
    {"{\"a\" 1}", false},
    {"[1 2]", false},
    {"[1,]", false},
    {"[tru]", false},
    {"[-]", false},
    {"[1e]", false},
    {"[.]", false},
    {"\"open", false},
    {"\"\\x\"", false},
    {"\"\\u12g4\"", false},
    {"\"\\ud800\"", false},
    {"epoch", false},
};

Test(json, begins_where_cjson_takes_it)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t size = strlen(rows[i].text);
        cJSON *taken = cJSON_ParseWithLength(rows[i].text, size);
        cr_expect(stoa_json_begins(rows[i].text, size) == rows[i].begins, "%s", rows[i].text);
        cr_expect(taken || !rows[i].begins, "cJSON: %s", rows[i].text);
        cJSON_Delete(taken);
    }
    char deep[200];
    memset(deep, '[', sizeof deep);
    cr_expect(!stoa_json_begins(deep, sizeof deep));
}
