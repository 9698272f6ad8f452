#include <stdio.h>
#include <stoa/stoa.h>

int main(int argc, char **argv)
{
    static float image[1 * 3 * 224 * 224], scores[1000]; /* N C H W, as ONNX has it */
    struct stoa_error error;
    struct stoa_model *model = NULL;
    struct stoa_session *session = NULL;

    if (stoa_model_load(argc > 1 ? argv[1] : "resnet50.onnx", NULL, &error, &model) ||
        stoa_session_create(model, &(struct stoa_session_options){.threads = 2}, &error, &session) ||
        stoa_session_bind_input(session, "input", image, &error) ||
        stoa_session_bind_output(session, "output", scores, &error) || stoa_session_run(session, &error)) {
        fprintf(stderr, "%s\n", error.message); /* names the node, the field, the value */
        return 1;
    }
    printf("score of class 0: %g\n", (double)scores[0]);
    stoa_session_free(session);
    stoa_model_free(model);
    return 0;
}
