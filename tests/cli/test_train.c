/* stoa train as its users meet it: small pictures of three classes, what is told, logged, exported, and resumed after
 * an interruption to the bit. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/command.h"
#include "support/files.h"
#include "support/onnx_net.h"
#include "support/squares.h"

static void make_data(void)
{
    squares_write();
    cr_assert(chdir(files_folder()) == 0);
}

static void remove_data(void)
{
    cr_assert(chdir("/") == 0);
    files_remove();
}

/* Runs stoa train on the data with what follows, up to a null. */
#define TRAIN(...) command_run((const char *const[COMMAND_WORDS]){"train", "--data", "idx:.", __VA_ARGS__})

static const struct {
    const char *name, *words[12];
    int status;
    const char *told; /* on stderr */
} refusals[] = {
    {"no model", {"--data", "idx:."}, 2, "which model?"},
    {"no data", {"--model", "lenet5"}, 2, "--data is missing"},
    {"two models", {"lenet5", "vgg16", "--data", "idx:."}, 2, "one model too many"},
    {"an unknown option", {"lenet5", "--data", "idx:.", "--epoch", "3"}, 2, "no option '--epoch'"},
    {"an option of another command", {"lenet5", "--data", "idx:.", "--profile"}, 2, "no option '--profile'"},
    {"no epochs", {"lenet5", "--data", "idx:.", "--epochs", "0"}, 2, "--epochs: '0'"},
    {"a negative rate", {"lenet5", "--data", "idx:.", "--lr", "-1"}, 2, "--lr: '-1'"},
    {"a rate that is none", {"lenet5", "--data", "idx:.", "--lr", "nan"}, 2, "--lr: 'nan'"},
    {"momentum of 1", {"lenet5", "--data", "idx:.", "--momentum", "1"}, 2, "--momentum: '1'"},
    {"an unknown optimiser", {"lenet5", "--data", "idx:.", "--optimizer", "rmsprop"}, 2, "sgd (the default)"},
    {"an unknown schedule", {"lenet5", "--data", "idx:.", "--schedule", "linear"}, 2, "cosine (the default"},
    {"an unknown loss", {"lenet5", "--data", "idx:.", "--loss", "mse"}, 2, "mean-squared"},
    {"shift without a number", {"lenet5", "--data", "idx:.", "--augment", "flip,shift"}, 2, "--augment: 'flip,shift'"},
    {"an unknown augmentation", {"lenet5", "--data", "idx:.", "--augment", "turn"}, 2, "--augment: 'turn'"},
    {"resume from nothing", {"lenet5", "--data", "idx:.", "--resume"}, 2, "need --checkpoint"},
    {"checkpoints nowhere", {"lenet5", "--data", "idx:.", "--checkpoint-every", "9"}, 2, "needs --checkpoint"},
    {"smoothing of a hinge", {"lenet5", "--data", "idx:.", "--loss", "hinge", "--label-smoothing", "0.1"}, 2, "cross-"},
    {"a model twice", {"lenet5", "--model", "vgg16", "--data", "idx:."}, 2, "a model is given twice"},
    {"a log over the checkpoint", {"lenet5", "--data", "idx:.", "--log", "x", "--checkpoint", "x"}, 2, "their own"},
    {"a log over the model",
     {"train-labels-idx1-ubyte", "--data", "idx:.", "--log", "./train-labels-idx1-ubyte"},
     2,
     "their own"},
    {"momentum of adam", {"lenet5", "--data", "idx:.", "--optimizer", "adam", "--momentum", "0.9"}, 2, "is for sgd"},

    {"an unknown net", {"lenet", "--data", "idx:."}, 1, "no net 'lenet'; there are lenet5"},
    {"a file that is not there", {"lenet.onnx", "--data", "idx:."}, 1, "lenet.onnx: No such file"},
    {"a file that is no model", {"train-labels-idx1-ubyte", "--data", "idx:."}, 1, "train-labels-idx1-ubyte"},
    {"an unknown data set", {"lenet5", "--data", "mnist"}, 1, "no data set 'mnist'"},
    {"data that are not there", {"lenet5", "--data", "idx:none"}, 1, "none/train-images-idx3-ubyte"},
    {"no checkpoint", {"lenet5", "--data", "idx:.", "--checkpoint", "x", "--resume"}, 1, "--resume-if-any begins anew"},
    {"no checkpoint at all",
     {"lenet5", "--data", "idx:.", "--checkpoint", "train-labels-idx1-ubyte", "--resume"},
     1,
     "train-labels-idx1-ubyte"},
    {"shift out of sight", {"lenet5", "--data", "idx:.", "--augment", "shift=12"}, 1, "shift is 12"},
    {"a checkpoint nowhere", {"lenet5", "--data", "none", "--checkpoint", "none/c"}, 1, "none/c: No such file"},
    {"no file to export to", {"lenet5", "--data", "none", "--export", "/dev/null"}, 1, "is not a regular file"},
    {"fewer batches than a step takes",
     {"lenet5", "--data", "idx:.", "--epochs", "2", "--accumulate", "7"},
     1,
     "only 6"},
    {"a log nowhere", {"lenet5", "--data", "idx:.", "--log", "none/log"}, 1, "none/log: No such file"},
    {"nothing to freeze", {"lenet5", "--data", "idx:.", "--freeze", "conv", "--freeze", "fc*"}, 1, "called 'conv'"},
    {"everything frozen", {"lenet5", "--data", "idx:.", "--freeze", "*"}, 1, "is not frozen"},
    {"a net that wants more", {"alexnet", "--data", "idx:."}, 1, ""},
    {"rates that explode", {"lenet5", "--data", "idx:.", "--lr", "100000"}, 1, "is not finite"},
    {"a last step that explodes",
     {"lenet5", "--data", "idx:.", "--epochs", "1", "--lr", "1000000", "--clip", "1"},
     1,
     "epoch 1: the loss on the test set is "},
};

Test(train, refuses, .init = make_data, .fini = remove_data)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *words[COMMAND_WORDS] = {"train"};
        memcpy(words + 1, refusals[i].words, sizeof refusals[i].words);
        const struct command_outcome *outcome = command_run(words);
        cr_expect(outcome->status == refusals[i].status, "%s: exit status %d: %s", refusals[i].name, outcome->status,
                  outcome->err);
        cr_expect(strstr(outcome->err, refusals[i].told) && strstr(outcome->err, "stoa train: "), "%s: %s",
                  refusals[i].name, outcome->err);
    }
}

static size_t read_whole(const char *path, size_t capacity, char *bytes)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "there is no %s", path);
    size_t size = fread(bytes, 1, capacity - 1, file);
    cr_assert(size < capacity - 1, "%s is larger than expected", path);
    fclose(file);
    bytes[size] = '\0';
    return size;
}

static double number_in(const char *text, const char *key)
{
    const char *found = strstr(text, key);
    cr_assert(found, "no %s in %s", key, text);
    return strtod(found + strlen(key), NULL);
}

Test(train, learns_tells_and_exports, .init = make_data, .fini = remove_data)
{
    const struct command_outcome *outcome =
        TRAIN("--model", "lenet5", "--epochs", "8", "--batch", "8", "--log", "log", "--export", "net.onnx");
    cr_assert(outcome->status == 0, "%s", outcome->err);
    cr_expect(strcmp(outcome->err, "") == 0, "no bar but on a terminal: %s", outcome->err);
    static const char *const told[] = {"data: idx:., 200 training and 60 test images of 1 x 12 x 12, 3 classes",
                                       "network: lenet5, ",
                                       "epoch 1/8: loss ",
                                       "epoch 8/8: loss ",
                                       "best: epoch ",
                                       "test: 60 images, top-1 ",
                                       "top-5 100.00 %",
                                       "taken for",
                                       "exported: net.onnx"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        cr_expect(strstr(outcome->out, told[i]), "'%s' is not told: %s", told[i], outcome->out);
    cr_expect(number_in(outcome->out, "top-1 ") >= 90, "%s", outcome->out);

    static char log[16384];
    read_whole("log", sizeof log, log);
    static const char *const keys[] = {"\"loss\": ",         "\"train_accuracy\": ", "\"test_accuracy\": ",
                                       "\"images_per_s\": ", "\"seconds\": ",        "\"best\": "};
    size_t epoch = 0;
    double best = 0;
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"), epoch++) {
        cr_expect(line[0] == '{' && line[strlen(line) - 1] == '}', "%s", line);
        if (epoch == 0) {
            cr_expect(strstr(line, "\"model\": \"lenet5\"") && strstr(line, "\"batch\": 8"), "%s", line);
            continue;
        }
        cr_expect((size_t)number_in(line, "\"epoch\": ") == epoch, "%s", line);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            cr_expect(strstr(line, keys[k]), "%s is missing: %s", keys[k], line);
        double accuracy = number_in(line, "\"test_accuracy\": ");
        cr_expect((strstr(line, "\"best\": true") != NULL) == (accuracy > best), "%s", line);
        best = accuracy > best ? accuracy : best;
    }
    cr_expect(epoch == 9, "%zu lines", epoch);
    double told_best = number_in(outcome->out, "top-1 ");
    cr_expect(told_best > 100 * best - 0.01 && told_best < 100 * best + 0.01, "best %g, told %g", best, told_best);

    outcome = command_run((const char *const[COMMAND_WORDS]){"info", "net.onnx"});
    cr_expect(outcome->status == 0 && strstr(outcome->out, "input 'input'"), "%s%s", outcome->out, outcome->err);
    outcome = TRAIN("net.onnx", "--epochs", "1", "--freeze", "conv*", "--lr", "0.001");
    cr_expect(outcome->status == 0 && number_in(outcome->out, "top-1 ") >= 90, "%s%s", outcome->out, outcome->err);
}

#define CONV "input x f32[?,1,12,12]\nconst w f32[3,1,3,3]\nc = Conv(x, w)\n"
static const struct {
    const char *name, *net, *loss, *told;
} not_scores[] = {
    {"images", CONV "y = Relu(c)\noutput y\n", "cross-entropy", "[64,3,10,10]"},
    {"images, squared", CONV "y = Relu(c)\noutput y\n", "mean-squared", "must be scores [batch,classes]"},
    {"pixels", CONV "y = GlobalAveragePool(c)\noutput y\n", "binary-cross-entropy", "must be scores [batch,classes]"},
    {"one for all", CONV "y = ReduceMean(c) keepdims=0\noutput y\n", "mean-squared", "the scores are float []"},
    {"two", CONV "f = Flatten(c)\nconst v f32[300,2]\ny = MatMul(f, v)\noutput y\n", "hinge",
     "2 scores, the data set 3 classes"},
};

Test(train, refuses_what_are_no_scores, .init = make_data, .fini = remove_data)
{
    for (size_t i = 0; i < sizeof not_scores / sizeof *not_scores; i++) {
        struct onnx_writer writer = {0};
        onnx_net(&writer, not_scores[i].net, 13);
        files_write("net.onnx", writer.data, writer.size);
        onnx_free(&writer);
        const struct command_outcome *outcome = TRAIN("net.onnx", "--loss", not_scores[i].loss, "--epochs", "1");
        cr_expect(outcome->status == 1 && strstr(outcome->err, not_scores[i].told) && !strstr(outcome->out, "epoch"),
                  "%s: %s%s", not_scores[i].name, outcome->out, outcome->err);
    }
}

Test(train, resizes_pictures_to_what_a_file_takes, .init = make_data, .fini = remove_data)
{
    static const char *const names[] = {"p/bright/1.png", "p/bright/2.png", "p/bright/3.png",
                                        "p/dark/1.png",   "p/dark/2.png",   "p/dark/3.png"};
    for (size_t i = 0; i < 6; i++)
        files_write_png(names[i], 15 + i, 20, 3, i < 3 ? 200 : 20);
    cr_assert(TRAIN("lenet5", "--epochs", "1", "--export", "net.onnx")->status == 0);
    const struct command_outcome *outcome =
        command_run((const char *const[COMMAND_WORDS]){"train", "net.onnx", "--data", "folder:p", "--epochs", "2"});
    cr_expect(outcome->status == 0 && strstr(outcome->out, "4 training and 2 test images of 1 x 12 x 12, 2 classes"),
              "%s%s", outcome->out, outcome->err);
}

static const struct {
    const char *name, *words[12];
} ways[] = {
    {"nesterov, constant", {"--optimizer", "nesterov", "--schedule", "constant", "--warmup", "0"}},
    {"adam, step", {"--optimizer", "adam", "--schedule", "step", "--weight-decay", "0.1"}},
    {"adamw, clipped", {"--optimizer", "adamw", "--clip", "1", "--accumulate", "3"}},
    {"smoothed, augmented", {"--label-smoothing", "0.1", "--augment", "flip,shift=1", "--limit", "50"}},
    {"hinge", {"--loss", "hinge", "--lr", "0.01", "--momentum", "0"}},
    {"mean squared", {"--loss", "mean-squared", "--batch", "9", "--patience", "1"}},
    {"binary cross-entropy", {"--loss", "binary-cross-entropy", "--batch", "7", "--accuracy", "strict"}},
    {"fewer images than a batch", {"--batch", "128", "--limit", "100"}},
};

Test(train, every_way, .init = make_data, .fini = remove_data)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *words[COMMAND_WORDS] = {"train", "lenet5", "--data", "idx:.", "--epochs", "2", "--seed", "7"};
        memcpy(words + 8, ways[i].words, sizeof ways[i].words);
        const struct command_outcome *outcome = command_run(words);
        cr_expect(outcome->status == 0 && strstr(outcome->out, "test: 60 images"), "%s: %s%s", ways[i].name,
                  outcome->out, outcome->err);
    }
}

static bool same_files(const char *a, const char *b)
{
    static char bytes[2][1 << 20];
    size_t size = read_whole(a, sizeof bytes[0], bytes[0]);
    return read_whole(b, sizeof bytes[1], bytes[1]) == size && memcmp(bytes[0], bytes[1], size) == 0;
}

Test(train, same_seed_same_bits, .init = make_data, .fini = remove_data)
{
    cr_assert(TRAIN("lenet5", "--epochs", "2", "--threads", "1", "--export", "a.onnx")->status == 0);
    cr_assert(TRAIN("lenet5", "--epochs", "2", "--threads", "3", "--export", "b.onnx")->status == 0);
    cr_assert(TRAIN("lenet5", "--epochs", "2", "--seed", "1", "--export", "c.onnx")->status == 0);
    cr_expect(same_files("a.onnx", "b.onnx"), "the number of threads makes a difference");
    cr_expect(!same_files("a.onnx", "c.onnx"), "the seed makes none");
}

static const char *last_line(const char *text)
{
    const char *end = text + strlen(text) - 1, *line = end;
    while (line > text && line[-1] != '\n')
        line--;
    return line;
}

Test(train, goes_on_with_a_log_that_was_torn, .init = make_data, .fini = remove_data)
{
    static char log[16384];
    cr_assert(TRAIN("lenet5", "--epochs", "1", "--checkpoint", "state", "--log", "log")->status == 0);
    size_t size = read_whole("log", sizeof log, log);
    cr_assert(truncate("log", (off_t)size - 9) == 0);
    cr_assert(TRAIN("lenet5", "--epochs", "2", "--checkpoint", "state", "--log", "log", "--resume")->status == 0);
    read_whole("log", sizeof log, log);
    size_t lines = 0;
    cr_expect(strstr(last_line(log), "{\"epoch\": 2,") == last_line(log), "%s", log);
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"), lines++)
        cr_expect(line[0] == '{' && line[strlen(line) - 1] == '}', "%s", line);
    cr_expect(lines == 3, "%zu lines", lines);
}

/* The log must not become what was closed, and get what is printed. */
Test(train, a_closed_stream_is_no_log, .init = make_data, .fini = remove_data)
{
    static char log[16384];
    int status = system("\"$STOA_COMMAND\" train lenet5 --data idx:. --epochs 1 --log log >&- 2>/dev/null");
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%d", status);
    read_whole("log", sizeof log, log);
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
        cr_expect(line[0] == '{', "%s", line);
}

#define LONG "lenet5", "--epochs", "60", "--batch", "8", "--augment", "shift=1"

Test(train, an_interruption_leaves_a_checkpoint_to_go_on_from, .init = make_data, .fini = remove_data)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    cr_assert(TRAIN(LONG, "--export", "undisturbed.onnx")->status == 0);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        signal(signals[i], SIG_DFL); /* whoever runs the tests may ignore it, as nohup does */
        const char *words[COMMAND_WORDS] = {"train", "--data",   "idx:.",    LONG,    "--checkpoint",
                                            "state", "--export", "net.onnx", "--log", "log"};
        const struct command_outcome *outcome = command_run_and_signal(words, "log", 3, signals[i]);
        for (int more = 20; outcome->status == 0 && more > 0; more--) { /* a busy machine: it was done before that */
            files_delete("net.onnx");
            files_delete("state");
            files_delete("log");
            outcome = command_run_and_signal(words, "log", 3, signals[i]);
        }
        cr_assert(outcome->status == 128 + signals[i], "exit status %d: %s", outcome->status, outcome->err);
        cr_expect(strstr(outcome->err, "--resume goes on from state"), "%s", outcome->err);
        cr_expect(access("net.onnx", F_OK) != 0, "half-trained, but exported");
        outcome = TRAIN(LONG, "--checkpoint", "state", "--export", "net.onnx", "--log", "log", "--resume");
        cr_assert(outcome->status == 0, "%s", outcome->err);
        cr_expect(same_files("net.onnx", "undisturbed.onnx"), "the interruption made a difference");
        cr_expect(strstr(outcome->out, "resumed: state, "), "%s", outcome->out);
        static char log[65536];
        read_whole("log", sizeof log, log);
        cr_expect(strstr(log, "\"resumed\": true") && strstr(log, "{\"epoch\": 1,") && strstr(log, "{\"epoch\": 60,"),
                  "%s", log);
        files_delete("net.onnx");
        files_delete("log");
        /* What is done is done: nothing is left but to tell and export. */
        outcome = TRAIN(LONG, "--checkpoint", "state", "--export", "net.onnx", "--resume");
        cr_expect(outcome->status == 0 && !strstr(outcome->out, "epoch 60/60"), "%s", outcome->out);
        cr_expect(same_files("net.onnx", "undisturbed.onnx"));
        files_delete("net.onnx");
        files_delete("state");
    }
    /* As in the background of a script. */
    signal(SIGINT, SIG_IGN);
    const char *words[COMMAND_WORDS] = {"train", "--data", "idx:.", LONG, "--log", "log"};
    const struct command_outcome *outcome = command_run_and_signal(words, "log", 3, SIGINT);
    cr_expect(outcome->status == 0, "ignored, but exit status %d: %s", outcome->status, outcome->err);
    outcome = TRAIN("lenet5", "--epochs", "1", "--checkpoint", "state", "--checkpoint-every", "1", "--resume-if-any");
    cr_expect(outcome->status == 0 && !strstr(outcome->out, "resumed"), "%s", outcome->err);
    outcome = TRAIN("vgg_small", "--epochs", "1", "--checkpoint", "state", "--resume-if-any");
    cr_expect(outcome->status == 1, "another network: %s", outcome->err);
}
