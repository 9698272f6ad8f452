/* Names within a call: of a formal input or output that of the call's, of any other value "PREFIX::name", where the
 * prefix is the name of the call's first output, since no other call of the same function or graph has that; in a
 * function, with the prefix of the function's call in front, whatever that output is outside. */
#include "onnx/function.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "base/status.h"
#include "onnx/text.h"

#define NAME_SIZE 512

/* Domain, name and overload as lines, empty where that does not fit; no function is called so. */
static void write_name(const char *domain, const char *name, const char *overload, char text[NAME_SIZE])
{
    int length = snprintf(text, NAME_SIZE, "%s\n%s\n%s", stoa_onnx_is_default_domain(domain) ? "" : domain,
                          name ? name : "", overload ? overload : "");
    if (length >= NAME_SIZE)
        text[0] = '\0';
}

static enum stoa_status add_formals(struct function *function, char *const *names, size_t count, size_t first,
                                    struct stoa_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (stoa_onnx_is_named(names[i]) && stoa_names_find(&function->formals, names[i]) == NAMES_NONE)
            STOA_TRY(stoa_names_add(&function->formals, names[i], first + i, error));
    return STOA_OK;
}

static enum stoa_status add_function(struct functions *functions, const Onnx__FunctionProto *message,
                                     struct arena *scratch, struct stoa_error *error)
{
    char text[NAME_SIZE];
    const char *name;
    write_name(message->domain, message->name, message->overload, text);
    if (!text[0] || stoa_names_find(&functions->names, text) != NAMES_NONE)
        return STOA_OK;
    STOA_TRY(stoa_arena_string(scratch, text, strlen(text), error, &name));
    STOA_TRY(stoa_names_add(&functions->names, name, functions->count, error));
    struct function *function = &functions->items[functions->count++];
    function->message = message;
    stoa_names_init(&function->formals, &scratch->allocator);
    STOA_TRY(add_formals(function, message->input, message->n_input, 0, error));
    return add_formals(function, message->output, message->n_output, message->n_input, error);
}

enum stoa_status stoa_functions_init(struct functions *functions, const Onnx__ModelProto *message,
                                     struct arena *scratch, struct stoa_error *error)
{
    *functions = (struct functions){0};
    stoa_names_init(&functions->names, &scratch->allocator);
    STOA_TRY(stoa_arena_allocate(scratch, message->n_functions, sizeof *functions->items, error, &functions->items));
    for (size_t i = 0; i < message->n_functions; i++)
        STOA_TRY(add_function(functions, message->functions[i], scratch, error));
    return STOA_OK;
}

void stoa_functions_deinit(struct functions *functions)
{
    for (size_t i = 0; i < functions->count; i++)
        stoa_names_deinit(&functions->items[i].formals);
    stoa_names_deinit(&functions->names);
}

const struct function *stoa_functions_find(const struct functions *functions, const Onnx__NodeProto *node)
{
    char text[NAME_SIZE];
    write_name(node->domain, node->op_type, node->overload, text);
    size_t found = text[0] ? stoa_names_find(&functions->names, text) : NAMES_NONE;
    return found == NAMES_NONE ? NULL : &functions->items[found];
}

static enum stoa_status join(const char *a, const char *between, const char *b, struct arena *scratch,
                             struct stoa_error *error, const char **joined)
{
    const size_t size = strlen(a) + strlen(between) + strlen(b) + 1;
    char *text;
    STOA_TRY(stoa_arena_allocate(scratch, size, 1, error, &text));
    snprintf(text, size, "%s%s%s", a, between, b);
    *joined = text;
    return STOA_OK;
}

static const Onnx__AttributeProto *find_attribute(Onnx__AttributeProto *const *attributes, size_t count,
                                                  const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (attributes[i]->name && strcmp(attributes[i]->name, name) == 0)
            return attributes[i];
    return NULL;
}

static bool has_attribute(const Onnx__FunctionProto *function, const char *name)
{
    for (size_t i = 0; name && i < function->n_attribute; i++)
        if (strcmp(function->attribute[i], name) == 0)
            return true;
    return name && find_attribute(function->attribute_proto, function->n_attribute_proto, name);
}

static enum stoa_status check_call(const struct call *call, struct stoa_error *error)
{
    const Onnx__NodeProto *node = call->node;
    const Onnx__FunctionProto *function = call->function->message;
    if (call->depth > FUNCTION_MAX_DEPTH)
        return stoa_fail(error, STOA_ERROR_LIMIT, "functions call each other more than %d deep", FUNCTION_MAX_DEPTH);
    if (node->n_input > function->n_input)
        return stoa_fail(error, STOA_ERROR_GRAPH, "has %zu inputs, the function has %zu", node->n_input,
                         function->n_input);
    if (node->n_output > function->n_output)
        return stoa_fail(error, STOA_ERROR_GRAPH, "has %zu outputs, the function has %zu", node->n_output,
                         function->n_output);
    if (node->n_attribute > STOA_MAX_ATTRIBUTES || function->n_attribute > STOA_MAX_ATTRIBUTES ||
        function->n_attribute_proto > STOA_MAX_ATTRIBUTES)
        return stoa_fail(error, STOA_ERROR_LIMIT,
                         "has %zu attributes, the function %zu and %zu defaults, at most %d are taken",
                         node->n_attribute, function->n_attribute, function->n_attribute_proto, STOA_MAX_ATTRIBUTES);
    for (size_t i = 0; i < node->n_attribute; i++)
        if (!has_attribute(function, node->attribute[i]->name))
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "attribute %.100s is none of the function's",
                             node->attribute[i]->name ? node->attribute[i]->name : "without a name");
    return STOA_OK;
}

enum stoa_status stoa_call_begin(struct call *call, const struct call *outer, const Onnx__NodeProto *node,
                                 const struct function *function, const char *label, struct arena *scratch,
                                 struct stoa_error *error)
{
    *call = (struct call){
        .outer = outer, .node = node, .function = function, .label = label, .depth = outer ? outer->depth + 1 : 1};
    STOA_TRY(check_call(call, error));
    const size_t inputs = function->message->n_input, outputs = function->message->n_output;
    const char *first = NULL;
    /* Also where there is none: a file whose calls take no memory could take any time. */
    STOA_TRY(stoa_arena_allocate(scratch, inputs + outputs + 1, sizeof *call->actual, error, &call->actual));
    for (size_t i = 0; i < inputs + outputs; i++)
        call->actual[i] = "";
    for (size_t i = 0; i < node->n_input; i++)
        STOA_TRY(stoa_call_name(outer, node->input[i], scratch, error, &call->actual[i]));
    for (size_t i = node->n_output; i-- > 0;) {
        STOA_TRY(stoa_call_name(outer, node->output[i], scratch, error, &call->actual[inputs + i]));
        if (call->actual[inputs + i][0])
            first = node->output[i];
    }
    call->prefix = first;
    return first && outer ? join(outer->prefix, "::", first, scratch, error, &call->prefix) : STOA_OK;
}

enum stoa_status stoa_call_name(const struct call *call, const char *name, struct arena *scratch,
                                struct stoa_error *error, const char **outside)
{
    *outside = name ? name : "";
    if (!call || !stoa_onnx_is_named(name))
        return STOA_OK;
    size_t formal = stoa_names_find(&call->function->formals, name);
    if (formal != NAMES_NONE && (formal < call->function->message->n_input || call->actual[formal][0])) {
        *outside = call->actual[formal];
        return STOA_OK;
    }
    return join(call->prefix, "::", name, scratch, error, outside);
}

bool stoa_call_is_own(const struct call *call, size_t i)
{
    const Onnx__FunctionProto *function = call->function->message;
    return stoa_onnx_is_named(function->output[i]) &&
           stoa_names_find(&call->function->formals, function->output[i]) == function->n_input + i;
}

enum stoa_status stoa_call_label(const struct call *call, const char *name, struct arena *scratch,
                                 struct stoa_error *error, const char **outside)
{
    *outside = name;
    return call && stoa_onnx_is_named(name) ? join(call->label, "/", name, scratch, error, outside) : STOA_OK;
}

/* What a call is given as `name`: by its node, which in a function may hand on what that is given, or by default. */
static const Onnx__AttributeProto *given(const struct call *call, const char *name)
{
    const Onnx__FunctionProto *function = call->function->message;
    const Onnx__AttributeProto *found = find_attribute(call->node->attribute, call->node->n_attribute, name);
    if (found && call->outer && stoa_onnx_is_named(found->ref_attr_name))
        found = given(call->outer, found->ref_attr_name);
    return found ? found : find_attribute(function->attribute_proto, function->n_attribute_proto, name);
}

enum stoa_status stoa_call_attribute(const struct call *call, const Onnx__AttributeProto *attribute,
                                     struct stoa_error *error, const Onnx__AttributeProto **meant)
{
    *meant = attribute;
    if (!call || !stoa_onnx_is_named(attribute->ref_attr_name))
        return STOA_OK;
    *meant = given(call, attribute->ref_attr_name);
    if (*meant && (*meant)->type != attribute->type)
        return stoa_fail(error, STOA_ERROR_GRAPH,
                         "attribute %.100s: refers to attribute '%.80s' of the function, which is of another type",
                         attribute->name ? attribute->name : "", attribute->ref_attr_name);
    return STOA_OK;
}
