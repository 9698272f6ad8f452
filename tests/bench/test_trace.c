/* stoa run --trace. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/schema.h"
#include "support/command.h"
#include "support/onnx_net.h"
#include "support/temporary.h"

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(object, name);
    cr_assert(cJSON_IsNumber(item), "%s is no number", name);
    return item->valuedouble;
}

Test(trace, a_run_has_an_event_for_each_step_in_order)
{
    char path[TEMPORARY_PATH], model[4096];
    temporary_file("", path);
    snprintf(model, sizeof model, "%s/test_conv_with_strides_padding/model.onnx", command_testdata("node"));
    const struct command_outcome *outcome =
        command_run((const char *const[]){"run", model, "--threads=2", "--trace", path, NULL});
    cr_assert(outcome->status == 0, "%s", outcome->err);
    cJSON *trace = schema_read_file(path);
    const cJSON *event, *events = cJSON_GetObjectItem(trace, "traceEvents");
    size_t steps = 0, convolutions = 0;
    double last = 0;
    cJSON_ArrayForEach(event, events)
    {
        const cJSON *arguments = cJSON_GetObjectItem(event, "args");
        if (strcmp(cJSON_GetObjectItem(event, "ph")->valuestring, "X") != 0)
            continue;
        cr_expect(number(event, "dur") >= 0 && number(event, "pid") == 1);
        if (number(event, "tid") != 0) {
            cr_expect(number(arguments, "busy") <= number(event, "dur") + 1e-3);
            continue;
        }
        cr_expect(number(event, "ts") >= last, "step %zu begins before the last one ended", steps);
        last = number(event, "ts") + number(event, "dur") - 1e-3; /* times are rounded */
        const char *type = cJSON_GetObjectItem(arguments, "type")->valuestring;
        if (strcmp(type, "Conv") == 0) {
            cr_expect(cJSON_GetObjectItem(arguments, "how")->valuestring[0] != '\0', "no lowering");
            cr_expect(number(arguments, "macs") > 0);
            convolutions++;
        }
        steps++;
    }
    cr_expect(convolutions == 1 && steps >= 1, "%zu steps, %zu convolutions", steps, convolutions);
    cJSON_Delete(trace);
    unlink(path);
}

/* Quotes, backslashes, control characters and letters beyond ASCII. */
#define ODD "q\"b\\c\001d\177\xc3\xa9"

Test(trace, any_name_is_written_as_json_wants_it)
{
    struct onnx_writer writer = {0};
    char model[TEMPORARY_PATH], path[TEMPORARY_PATH];
    onnx_net(&writer, "input x f32[2,3]\n" ODD " = Relu(x)\noutput " ODD "\n", 13);
    temporary_file("", model);
    onnx_save(&writer, model);
    onnx_free(&writer);
    temporary_file("", path);
    const struct command_outcome *outcome = command_run((const char *const[]){"run", model, "--trace", path, NULL});
    cr_assert(outcome->status == 0, "%s", outcome->err);
    cJSON *trace = schema_read_file(path);
    const cJSON *event;
    size_t found = 0;
    cJSON_ArrayForEach(event, cJSON_GetObjectItem(trace, "traceEvents"))
    {
        found += strcmp(cJSON_GetObjectItem(event, "name")->valuestring, "node_" ODD) == 0;
    }
    cr_expect(found >= 1, "no event has the node's name");
    cJSON_Delete(trace);
    unlink(model);
    unlink(path);
}

Test(trace, a_file_that_cannot_be_written_is_an_error)
{
    char model[4096];
    snprintf(model, sizeof model, "%s/test_relu/model.onnx", command_testdata("node"));
    const struct command_outcome *outcome =
        command_run((const char *const[]){"run", model, "--trace", "/nowhere/trace.json", NULL});
    cr_expect(outcome->status == 1 && strstr(outcome->err, "/nowhere/trace.json"), "%d: %s", outcome->status,
              outcome->err);
}
