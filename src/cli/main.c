/* The `stoa` command: finds the subcommand and hands it its words. */
#include <stdio.h>
#include <stoa/stoa.h>
#include <string.h>

#include "cli/blas_restart.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/streams.h"

static const struct command {
    const char *name, *operand;
    enum command_set set;
    int (*run)(const struct settings *settings);
    const char *summary;
} commands[] = {
    {"run", "MODEL.onnx", IN_RUN, stoa_cli_run, "run a model on pictures or tensors"},
    {"verify", "MODEL.onnx", IN_VERIFY, stoa_cli_verify,
     "check a model's results, layer by layer or against recorded outputs"},
    {"info", "MODEL.onnx", IN_INFO, stoa_cli_info, "what a model is made of: layers, shapes, parameters, work, memory"},
#ifdef STOA_TRAINING
    {"train", "NAME|MODEL.onnx --data SET", IN_TRAIN, stoa_cli_train,
     "teach a network to tell classes of images apart"},
#endif
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
    fputs("stoa runs convolutional networks (ONNX) on the CPU.\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  stoa %-7s %s [options]   %s\n", commands[i].name, commands[i].operand, commands[i].summary);
#ifdef STOA_SHOW
    fputs(
        "  stoa show    WHAT MODEL.onnx [options]   pictures of a network: filters, maps, what an answer depends on\n",
        out);
#endif
    fputs("  stoa bench   ...                    measure products, layers and models, beside peers\n"
          "\n  stoa COMMAND --help                  the options of a command\n"
          "  stoa --version\n\n"
          "Exit status: 0 fine, 1 the run or the check failed, 2 the command was not understood; training that was\n"
          "interrupted (Ctrl-C, SIGTERM, SIGHUP) exits with 128 and the signal's number.\n",
          out);
}

static int run_command(const struct command *command, int count, char **words)
{
    struct settings settings;
    if (!stoa_cli_parse(command->set, command->name, count, words, &settings)) {
        fprintf(stderr, "Try 'stoa %s --help'.\n", command->name);
        return CLI_USAGE;
    }
    if (settings.help) {
        printf("stoa %s %s [options]: %s\n\n", command->name, command->operand, command->summary);
        stoa_cli_print_options(command->set, stdout);
        return CLI_FINE;
    }
    return command->run(&settings);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return CLI_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("stoa %s\n", stoa_version());
        stoa_cli_print_blas();
        return CLI_FINE;
    }
    if (strcmp(argv[1], "bench") == 0)
        return stoa_cli_bench(argv + 1);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_command(&commands[i], argc - 2, argv + 2);
    if (strcmp(argv[1], "show") == 0) {
#ifdef STOA_SHOW
        return stoa_cli_show(argc - 2, argv + 2);
#else
        fputs("stoa: show was left out of this build, which had no cairo or no training\n", stderr);
        return CLI_USAGE;
#endif
    }
#ifndef STOA_TRAINING
    if (strcmp(argv[1], "train") == 0) {
        fputs("stoa: training was left out of this build (-Dtraining=false)\n", stderr);
        return CLI_USAGE;
    }
#endif
    fprintf(stderr, "stoa: there is no command '%s'\nTry 'stoa --help'.\n", argv[1]);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    stoa_cli_hold_streams();
    stoa_cli_choose_blas(argv, NULL);
    int status = dispatch(argc, argv);
    /* Results that did not reach the reader are a failure like any other. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("stoa: cannot write the results");
        return status ? status : CLI_FAILED;
    }
    return status;
}
