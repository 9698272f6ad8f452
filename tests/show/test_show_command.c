/* stoa show curves, confusion, errors, graph and steps as their users start them: what is written, and what is refused.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "graph/model.h"
#include "support/command.h"
#include "support/files.h"
#include "support/net.h"

TestSuite(show_command, .fini = files_remove);

#define MODEL "@model.onnx"
#define PICTURE "@picture.png"
#define LOG "@log.jsonl"

/* Words that begin with @ are files of the folder. */
static const struct {
    const char *name;
    const char *words[12];
    int status;
    const char *message; /* null: none at all */
} rows[] = {
    {"curves", {"curves", LOG, LOG, "--output", "@o.png"}, 0, NULL},
    {"curves as SVG", {"curves", LOG, "--output", "@o.svg"}, 0, NULL},
    {"a foreign log", {"curves", PICTURE, "--output", "@o.png"}, 1, "no log of training"},
    {"no log", {"curves", "@none", "--output", "@o.png"}, 1, "none"},
    {"an unknown ending", {"curves", LOG, "--output", "@o.gif"}, 2, ".png .svg .html"},
    {"confusion", {"confusion", MODEL, "--data", "idx:@", "--output", "@o.svg"}, 0, NULL},
    {"errors", {"errors", MODEL, "--data", "idx:@", "--count", "2", "--output", "@o.html"}, 0, NULL},
    {"no data", {"errors", MODEL, "--output", "@o.png"}, 2, "--data SET is missing"},
    {"data that are not there", {"confusion", MODEL, "--data", "idx:@nope", "--output", "@o.png"}, 1, "nope"},
    {"as other pixels",
     {"errors", MODEL, "--data", "idx:@", "--preset", "imagenet", "--count", "2", "--output", "@o.html"},
     0,
     NULL},
    {"blue first", {"errors", MODEL, "--data", "idx:@", "--preset", "ocr-det", "--output", "@o.png"}, 2, "--bgr"},
    {"cut", {"confusion", MODEL, "--data", "idx:@", "--crop", "2x2", "--output", "@o.png"}, 2, "--crop"},
    {"a place that is none", {"confusion", MODEL, "--data", "idx:@", "--output", "@no/o.png"}, 1, "no/o.png: No such"},
    {"data for a graph", {"graph", MODEL, "--data", "idx:@", "--output", "@o.svg"}, 2, "--data is for deconv"},
    {"a picture for filters", {"filters", MODEL, "--image", PICTURE, "--output", "@o.svg"}, 2, "no --image"},
    {"a graph for an input", {"graph", MODEL, "--input", PICTURE, "--output", "@o.svg"}, 0, NULL},
    {"an input for maximize", {"maximize", MODEL, "--input", PICTURE, "--output", "@o.svg"}, 2, "no --input"},
    {"a unit of nothing", {"maximize", MODEL, "--unit", "1", "--output", "@o.svg"}, 2, "--unit is a channel"},
    {"a class of a layer",
     {"maximize", MODEL, "--layer", "a", "--class", "1", "--output", "@o.svg"},
     2,
     "--layer has channels"},
    {"names in Latin-1",
     {"saliency", MODEL, "--image", PICTURE, "--class", "1", "--labels", "@names", "--output", "@o.png"},
     0,
     NULL},
    {"no count", {"errors", MODEL, "--data", "idx:@", "--count", "0", "--output", "@o.png"}, 2, "--count"},
    {"steps", {"steps", MODEL, "--image", PICTURE, "--pixel", "0,2", "--channel", "1", "--output", "@o.html"}, 0, NULL},
    {"the middle", {"steps", MODEL, "--image", PICTURE, "--layer", "a", "--output", "@o.png"}, 0, NULL},
    {"no layer", {"steps", MODEL, "--image", PICTURE, "--layer", "q", "--output", "@o.png"}, 1, "no layer 'q'"},
    {"two layers",
     {"steps", MODEL, "--image", PICTURE, "--layer", "a", "--layer", "b", "--output", "@o.png"},
     2,
     "--layer 'b' is one too many"},
    {"no convolution", {"steps", MODEL, "--image", PICTURE, "--layer", "y", "--output", "@o.png"}, 1, "must be Conv"},
    {"outside", {"steps", MODEL, "--image", PICTURE, "--pixel", "9,9", "--output", "@o.png"}, 1, "pixel 9,9"},
    {"no pixel", {"steps", MODEL, "--image", PICTURE, "--pixel", "9", "--output", "@o.png"}, 2, "--pixel"},
    {"no image", {"steps", MODEL, "--output", "@o.png"}, 1, "--image"},
    {"graph", {"graph", MODEL, "--output", "@o.svg"}, 0, NULL},
    {"graph with times", {"graph", MODEL, "--profile", "--repeat", "2", "--output", "@o.png"}, 0, NULL},
};

static void make_files(void)
{
    static const char log[] = "{\"settings\": {}}\n{\"epoch\": 1, \"loss\": 2, \"train_accuracy\": 0.5}\n"
                              "{\"epoch\": 2, \"loss\": 1, \"train_accuracy\": 0.75, \"test_accuracy\": 0.7}\n";
    char path[4096];
    struct net net;
    struct idx_set set = idx_make();
    idx_write(&set, false);
    files_write("log.jsonl", log, sizeof log - 1);
    files_write("names", "\xe9l\xe9phant\n\xe2ne\nmaki", 17);
    files_write_png("picture.png", IDX_WIDTH, IDX_HEIGHT, 1, 90);
    net_build(&net,
              "input x f32[?,1,3,4]\nconst w f32[2,1,3,3]\nconst f f32[3,24]\na = Conv(x, w) pads=[1,1,1,1]\n"
              "b = Flatten(a)\ny = Gemm(b, f) transB=1\noutput y\n",
              NULL);
    snprintf(path, sizeof path, "%s/model.onnx", files_folder());
    cr_assert(stoa_model_save(net.model, path, NULL) == STOA_OK);
    net_free(&net);
}

/* @ becomes the folder. */
static const char *place(const char *word, size_t size, char *text)
{
    const char *at = strchr(word, '@');
    if (!at)
        return word;
    snprintf(text, size, "%.*s%s/%s", (int)(at - word), word, files_folder(), at + 1);
    return text;
}

Test(show_command, writes_or_refuses)
{
    make_files();
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        static char texts[12][4200];
        const char *words[14] = {"show"}, *output = NULL;
        for (size_t i = 0; i < 12 && rows[r].words[i]; i++) {
            words[i + 1] = place(rows[r].words[i], sizeof texts[i], texts[i]);
            output = words[i + 1];
        }
        const struct command_outcome *outcome = command_run(words);
        if (strstr(outcome->err, "stoa was built without"))
            continue; /* Graphviz or cJSON */
        cr_expect(outcome->status == rows[r].status, "%s: %d, %s", rows[r].name, outcome->status, outcome->err);
        if (rows[r].message)
            cr_expect(strstr(outcome->err, rows[r].message), "%s: %s", rows[r].name, outcome->err);
        else
            cr_expect(outcome->err[0] == '\0', "%s: %s", rows[r].name, outcome->err);
        cr_expect((access(output, F_OK) == 0) == (rows[r].status == 0), "%s: %s", rows[r].name, output);
        unlink(output);
    }
}

/* What a data set's pictures are made into is what its options say: all of them one class far from the others. */
Test(show_command, judges_pixels_as_the_options_have_them)
{
    static const char *const mean[] = {"0", "1000"};
    char model[4200], data[4200], page[2][4200];
    static char text[2][1 << 18];
    make_files();
    for (size_t i = 0; i < 2; i++) {
        const char *words[] = {"show",
                               "errors",
                               place(MODEL, sizeof model, model),
                               "--data",
                               place("idx:@", sizeof data, data),
                               "--mean",
                               mean[i],
                               "--output",
                               NULL,
                               NULL};
        words[8] = place(i ? "@b.html" : "@a.html", sizeof page[i], page[i]);
        const struct command_outcome *outcome = command_run(words);
        cr_assert(outcome->status == 0, "%s", outcome->err);
        FILE *file = fopen(page[i], "r");
        cr_assert(file);
        cr_assert(fread(text[i], 1, sizeof text[i] - 1, file) > 0);
        fclose(file);
        unlink(page[i]);
    }
    cr_expect(strcmp(text[0], text[1]) != 0, "the pictures were the same");
}

/* A picture of zeros times weights below 0. */
Test(show_command, steps_have_no_zero_below_zero)
{
    char model[4200], picture[4200], page[4200], line[4096];
    const char *words[] = {"show",
                           "steps",
                           place(MODEL, sizeof model, model),
                           "--image",
                           place(PICTURE, sizeof picture, picture),
                           "--scale",
                           "0",
                           "--output",
                           place("@o.html", sizeof page, page),
                           NULL};
    make_files();
    const struct command_outcome *outcome = command_run(words);
    cr_assert(outcome->status == 0, "%s", outcome->err);
    FILE *file = fopen(page, "r");
    size_t products = 0;
    cr_assert(file, "no %s", page);
    while (fgets(line, sizeof line, file)) {
        products += strncmp(line, "<tr><td>", 8) == 0;
        cr_expect(!strstr(line, "<td>-0<"), "%s", line);
    }
    fclose(file);
    unlink(page);
    cr_expect(products >= 9, "%zu rows", products);
}

/* Row 3, column 2 of channel 4, whose group is the last; all numbers of the maps are others. */
Test(show_command, steps_tell_where_the_numbers_come_from)
{
    static const char *const maps[] = {
        "x[oy*2 + r*6 - 1][ox*5 + s*4 - 7][c] * weights[oc][c][r][s]\n",
        "col[oy*5 + ox][(r*3 + s)*1 + c], 30 rows of 6,",
        "this output is row 17 times the filter's column",
        "A[ox][c] = x[base + ox*15 + c]",
        "pixels 15 floats apart (the next output row: 114)",
        "base = ((oy*2 + r*6 - 1)*19 + s*4 - 7)*3 + 2<",
        "<td>1, 1<td>11, 7<td>650<td>", /* ((6 + 6 - 1)*19 + 4 - 7 + 10)*3 + 2 */
    };
    static char text[1 << 18];
    char model[4200], picture[4200], page[4200];
    const char *words[] = {"show",
                           "steps",
                           place(MODEL, sizeof model, model),
                           "--image",
                           place(PICTURE, sizeof picture, picture),
                           "--pixel",
                           "3,2",
                           "--channel",
                           "4",
                           "--output",
                           place("@o.html", sizeof page, page),
                           NULL};
    struct net net;
    files_write_png("picture.png", 19, 16, 3, 90);
    net_build(&net,
              "input x f32[1,3,16,19]\nconst w f32[6,1,2,3]\n"
              "y = Conv(x, w) group=3 strides=[2,5] dilations=[6,4] pads=[1,7,1,7]\noutput y\n",
              NULL);
    cr_assert(stoa_model_save(net.model, model, NULL) == STOA_OK);
    net_free(&net);
    const struct command_outcome *outcome = command_run(words);
    cr_assert(outcome->status == 0, "%s", outcome->err);
    FILE *file = fopen(page, "r");
    cr_assert(file, "no %s", page);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        cr_expect(strstr(text, maps[i]), "no %s", maps[i]);
    cr_expect(strstr(text, "<figcaption>One output of a convolution, worked out</figcaption>"));
}
