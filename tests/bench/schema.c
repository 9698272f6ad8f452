/* One function a keyword. The place is written while the recursion goes down. */
#include "bench/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char complaint[512];

static int complain(const char *place, const char *what)
{
    snprintf(complaint, sizeof complaint, "%.300s: %.200s", place, what);
    return 0;
}

static int has_type(const cJSON *value, const char *type)
{
    if (strcmp(type, "integer") == 0)
        return cJSON_IsNumber(value) && value->valuedouble == (double)(long long)value->valuedouble;
    return (strcmp(type, "object") == 0 && cJSON_IsObject(value)) ||
           (strcmp(type, "array") == 0 && cJSON_IsArray(value)) ||
           (strcmp(type, "string") == 0 && cJSON_IsString(value)) ||
           (strcmp(type, "number") == 0 && cJSON_IsNumber(value)) ||
           (strcmp(type, "boolean") == 0 && cJSON_IsBool(value));
}

static int check(const cJSON *schema, const cJSON *value, const char *place);

static int check_properties(const cJSON *rules, const cJSON *value, const char *place)
{
    const cJSON *rule;
    cJSON_ArrayForEach(rule, rules)
    {
        char deeper[400];
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(value, rule->string);
        snprintf(deeper, sizeof deeper, "%.300s.%s", place, rule->string);
        if (member && !check(rule, member, deeper))
            return 0;
    }
    return 1;
}

static int check_items(const cJSON *rule, const cJSON *value, const char *place)
{
    const cJSON *item;
    int index = 0;
    cJSON_ArrayForEach(item, value)
    {
        char deeper[400];
        snprintf(deeper, sizeof deeper, "%.300s[%d]", place, index++);
        if (!check(rule, item, deeper))
            return 0;
    }
    return 1;
}

static int is_one_of(const cJSON *values, const cJSON *value)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, values) if (cJSON_Compare(one, value, 1)) return 1;
    return 0;
}

static int has_all(const cJSON *names, const cJSON *value)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, names) if (!cJSON_HasObjectItem(value, name->valuestring)) return 0;
    return 1;
}

static int knows_all(const cJSON *properties, const cJSON *value)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, value) if (!cJSON_HasObjectItem(properties, member->string)) return 0;
    return 1;
}

static int check(const cJSON *schema, const cJSON *value, const char *place)
{
    const cJSON *rule;
    cJSON_ArrayForEach(rule, schema)
    {
        const char *keyword = rule->string;
        if (strcmp(keyword, "type") == 0) {
            if (!has_type(value, rule->valuestring))
                return complain(place, rule->valuestring);
        } else if (strcmp(keyword, "properties") == 0) {
            if (!check_properties(rule, value, place))
                return 0;
        } else if (strcmp(keyword, "items") == 0) {
            if (!check_items(rule, value, place))
                return 0;
        } else if (strcmp(keyword, "required") == 0) {
            if (!has_all(rule, value))
                return complain(place, "a required member is missing");
        } else if (strcmp(keyword, "additionalProperties") == 0) {
            if (!knows_all(cJSON_GetObjectItemCaseSensitive(schema, "properties"), value))
                return complain(place, "a member that is not described");
        } else if (strcmp(keyword, "enum") == 0) {
            if (!is_one_of(rule, value))
                return complain(place, "none of the values listed");
        } else if (strcmp(keyword, "minimum") == 0) {
            if (value->valuedouble < rule->valuedouble)
                return complain(place, "below the minimum");
        } else if (strcmp(keyword, "description") != 0 && strcmp(keyword, "title") != 0 &&
                   strcmp(keyword, "$schema") != 0) {
            return complain(place, keyword);
        }
    }
    return 1;
}

const char *schema_check(const cJSON *schema, const cJSON *value)
{
    return check(schema, value, "$") ? NULL : complaint;
}

cJSON *schema_read_file(const char *path)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "%s/%s", path[0] == '/' ? "" : getenv("STOA_SOURCE_ROOT"), path);
    FILE *file = fopen(whole, "r");
    cr_assert(file, "cannot open %s", whole);
    char *text = calloc(1, 1 << 22);
    cr_assert(text);
    size_t length = fread(text, 1, (1 << 22) - 1, file);
    fclose(file);
    cJSON *value = cJSON_ParseWithLength(text, length + 1);
    cr_assert(value, "%s is not JSON", whole);
    free(text);
    return value;
}
