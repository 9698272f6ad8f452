/* The examples run: as newcomers would start them, on a network of ours with fresh weights. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <stoa/stoa.h>

#include "support/files.h"

/* What a program says, on either stream; returns what it exited with. */
static int run(const char *program, const char *arguments, char text[1024])
{
    char command[4096];
    const char *folder = getenv("STOA_EXAMPLES");
    cr_assert(folder, "STOA_EXAMPLES is not set");
    snprintf(command, sizeof command, "%s/%s %s 2>&1", folder, program, arguments);
    FILE *output = popen(command, "r");
    cr_assert(output, "cannot start %s", command);
    size_t size = fread(text, 1, 1023, output);
    text[size] = '\0';
    int status = pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(examples, a_picture_is_classified, .fini = files_remove)
{
    struct stoa_model *model;
    struct stoa_error error = {0};
    char path[2048], arguments[8192], text[1024], expected[64];
    static unsigned char picture[15 + 32 * 32 * 3] = "P6 32 32 255\n";
    cr_assert(stoa_net_create("resnet20", NULL, &error, &model) == STOA_OK, "%s", error.message);
    snprintf(path, sizeof path, "%s/net.onnx", files_folder());
    cr_assert(stoa_model_save(model, path, &error) == STOA_OK, "%s", error.message);
    for (size_t i = 13; i < sizeof picture; i++)
        picture[i] = (unsigned char)(i * 7);
    files_write("picture.ppm", picture, sizeof picture - 2);
    files_write("names.txt", "n0\nn1\nn2\nn3\nn4\nn5\nn6\nn7\nn8\nn9\n", 30);
    snprintf(arguments, sizeof arguments, "%s %s/picture.ppm %s/names.txt", path, files_folder(), files_folder());
    cr_expect(run("classify", arguments, text) == 0, "%s", text);
    unsigned chosen = 99;
    cr_assert(sscanf(text, "class %u,", &chosen) == 1 && chosen < 10, "%s", text);
    snprintf(expected, sizeof expected, "  n%u\n", chosen);
    cr_expect(strstr(text, expected), "%s", text);
    cr_expect(run("classify", "", text) == 2 && strstr(text, "usage"), "%s", text);
    snprintf(arguments, sizeof arguments, "nowhere.onnx %s/picture.ppm", files_folder());
    cr_expect(run("classify", arguments, text) == 1 && strstr(text, "nowhere.onnx"), "%s", text);
    stoa_model_free(model);
}

Test(examples, a_layer_learns)
{
    char text[1024];
    cr_expect(run("layer", "", text) == 0, "%s", text);
    cr_expect(strstr(text, stoa_version()) == text, "%s", text);
}

Test(examples, the_cxx_header_owns_and_throws)
{
    char text[1024];
    cr_expect(run("cxx", "", text) == 0, "%s", text);
}
