/* `stoa show`: pictures from files, and what it says to those who ask amiss; nothing is written then. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "show/toy.h"
#include "support/command.h"
#include "support/temporary.h"

static char folder[TEMPORARY_PATH], model[TEMPORARY_PATH + 16], image[TEMPORARY_PATH + 16], output[TEMPORARY_PATH + 16];

static void make_files(void)
{
    struct toy toy;
    struct stoa_error error = {0};
    const struct stoa_allocator allocator = stoa_allocator_default();
    struct image picture;
    temporary_folder(folder);
    snprintf(model, sizeof model, "%s/toy.onnx", folder);
    snprintf(image, sizeof image, "%s/image.png", folder);
    toy_make(&toy);
    cr_assert(stoa_model_save(toy.net.model, model, &error) == STOA_OK, "%s", error.message);
    toy_free(&toy);
    cr_assert(stoa_image_create(TOY_WIDTH, TOY_HEIGHT, 3, &allocator, &error, &picture) == STOA_OK);
    for (size_t i = 0; i < TOY_PIXELS; i++)
        picture.pixels[i] = (uint8_t)(i * 37);
    cr_assert(stoa_image_write(image, &picture, &allocator, &error) == STOA_OK, "%s", error.message);
    stoa_image_free(&allocator, &picture);
}

static void remove_files(void)
{
    unlink(model);
    unlink(image);
    unlink(output);
    cr_expect(rmdir(folder) == 0, "something else is left in %s", folder);
}

TestSuite(command, .init = make_files, .fini = remove_files);

Test(command, shows)
{
    static const struct {
        const char *what, *option, *value, *ending;
        int takes_image;
    } rows[] = {
        {"filters", "--layer", "node_c2", ".png", 0}, {"activations", "--sort", "mean", ".svg", 1},
        {"saliency", "--class", "3", ".png", 1},      {"gradcam", "--layer", "node_t2", ".html", 1},
        {"occlusion", "--square", "3", ".png", 1},    {"maximize", "--steps", "3", ".png", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(output, sizeof output, "%s/out%s", folder, rows[i].ending);
        const char *const words[COMMAND_WORDS] = {"show",        rows[i].what,
                                                  model,         rows[i].option,
                                                  rows[i].value, "--output",
                                                  output,        "--threads",
                                                  "1",           rows[i].takes_image ? "--image" : NULL,
                                                  image};
        const struct command_outcome *outcome = command_run(words);
        cr_expect(outcome->status == 0, "%s: %s", rows[i].what, outcome->err);
        cr_expect(access(output, F_OK) == 0, "%s: no picture", rows[i].what);
        cr_expect(outcome->out[0] == '\0' && outcome->err[0] == '\0', "%s: %s%s", rows[i].what, outcome->out,
                  outcome->err);
        unlink(output);
    }
}

Test(command, says_what_is_amiss)
{
    static const struct {
        const char *what, *ending, *option, *value, *says;
        int status;
    } rows[] = {
        {"nothing", ".png", "--threads", "1", "there is no 'nothing'", 2},
        {"filters", ".gif", "--threads", "1", "the name ends in none of .png .svg .html", 2},
        {"filters", ".png", "--layer", "node_c3", "no layer 'node_c3'; of its 10 these are nearest: 'node_c1'", 1},
        {"filters", ".png", "--class", "x", "--class: 'x' is not of the form K", 2},
        {"gradcam", ".png", "--threads", "1", "input 'x' is not given: --image FILE or --input", 1},
        {"gradcam", ".png", "--image", "/etc/passwd", "the name ends in none of .png .jpg .jpeg", 1},
        {"gradcam", ".png", "--image", "nowhere.png", "nowhere.png", 1},
        {"maximize", ".png", "--class", "4", "class 4: there are classes 0 to 3", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(output, sizeof output, "%s/out%s", folder, rows[i].ending);
        const char *const words[COMMAND_WORDS] = {"show", rows[i].what,   model,        "--output",
                                                  output, rows[i].option, rows[i].value};
        const struct command_outcome *outcome = command_run(words);
        cr_expect(outcome->status == rows[i].status, "%s: %d", rows[i].says, outcome->status);
        cr_expect(strstr(outcome->err, rows[i].says), "'%s', not '%s'", outcome->err, rows[i].says);
        cr_expect(access(output, F_OK) != 0, "%s: a file", rows[i].says);
    }
    const struct command_outcome *outcome = command_run((const char *const[COMMAND_WORDS]){"show", "filters", model});
    cr_expect(outcome->status == 2 && strstr(outcome->err, "where to? --output"), "%s", outcome->err);
}
