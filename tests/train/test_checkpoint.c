/* Checkpoints: what is saved is all there is, what is torn or foreign is refused, and at no moment is there half a
 * file.
 *
 * write, fsync and rename are replaced in this program by functions that fail, or kill, when told to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary.h"
#include "train/toy.h"
#include "train/trainer.h"

enum fault { FAULT_NONE, FAULT_FAIL, FAULT_INTERRUPT, FAULT_SHORT, FAULT_KILL };

static struct {
    enum fault fault;
    int error;
    size_t at, calls; /* the call, from 1, that it happens to; interrupts and short writes happen to every other one */
} faults;

static enum fault next_fault(void)
{
    if (faults.fault == FAULT_NONE)
        return FAULT_NONE;
    faults.calls++;
    if (faults.fault == FAULT_INTERRUPT || faults.fault == FAULT_SHORT)
        return faults.calls % 2 ? faults.fault : FAULT_NONE;
    if (faults.calls != faults.at)
        return FAULT_NONE;
    if (faults.fault == FAULT_KILL)
        kill(getpid(), SIGKILL);
    return faults.fault;
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    enum fault fault = next_fault();
    if (fault == FAULT_SHORT && size > 1)
        size /= 2;
    if (fault == FAULT_FAIL || fault == FAULT_INTERRUPT) {
        errno = fault == FAULT_FAIL ? faults.error : EINTR;
        return -1;
    }
    return syscall(SYS_write, descriptor, data, size);
}

static struct stat synced; /* what the last fsync was of */

int fsync(int descriptor)
{
    enum fault fault = next_fault();
    if (fstat(descriptor, &synced) != 0)
        synced = (struct stat){0};
    if (fault == FAULT_FAIL || fault == FAULT_INTERRUPT) {
        errno = fault == FAULT_FAIL ? faults.error : EINTR;
        return -1;
    }
    return (int)syscall(SYS_fsync, descriptor);
}

int rename(const char *from, const char *to)
{
    if (next_fault() == FAULT_FAIL) {
        errno = faults.error;
        return -1;
    }
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

/* A folder of its own, and two trainers that are some steps apart. */
static char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];
static struct net net;
static struct toy_set set;
static struct stoa_trainer *older, *newer;
static const struct stoa_trainer_options adam = {.optimiser = STOA_OPTIMISER_ADAM, .accumulate = 2};

static void set_up(void)
{
    temporary_folder(folder);
    snprintf(path, sizeof path, "%s/net.ckpt", folder);
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&set, &toys[0], 8, 1);
    older = toy_trainer(&net, &adam, "older");
    newer = toy_trainer(&net, &adam, "newer");
    toy_steps(older, &set, 0, 3, "older");
    toy_steps(newer, &set, 0, 6, "newer");
}

static void tear_down(void)
{
    char command[TEMPORARY_PATH + 32];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(system(command) == 0);
    stoa_trainer_free(older);
    stoa_trainer_free(newer);
    net_free(&net);
}

static size_t files_in_folder(void)
{
    char command[TEMPORARY_PATH + 32];
    size_t count = 0;
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe && fscanf(pipe, "%zu", &count) == 1);
    pclose(pipe);
    return count;
}

static void save(const struct stoa_trainer *trainer)
{
    struct stoa_error error = {0};
    cr_assert(stoa_trainer_save(trainer, path, &error) == STOA_OK, "%s", error.message);
}

/* Whether the file holds what the trainer is. */
static int holds(const struct stoa_trainer *trainer)
{
    struct stoa_error error = {0};
    struct stoa_trainer *loaded = toy_trainer(&net, &adam, "loaded");
    cr_assert(stoa_trainer_load(loaded, path, &error) == STOA_OK, "%s", error.message);
    int same = toy_same(loaded, trainer);
    stoa_trainer_free(loaded);
    return same;
}

static unsigned char *read_file(size_t *size)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file && fseek(file, 0, SEEK_END) == 0);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size);
    cr_assert(bytes && fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

static void write_file(const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

#define FILES .init = set_up, .fini = tear_down

Test(checkpoint, goes_on_as_if_nothing_had_been, FILES)
{
    save(older);
    cr_expect(holds(older) && !holds(newer));
    struct stoa_trainer *loaded = toy_trainer(&net, &adam, "loaded");
    toy_steps(loaded, &set, 5, 2, "whatever it did before");
    cr_assert(stoa_trainer_load(loaded, path, NULL) == STOA_OK);
    toy_steps(loaded, &set, 3, 3, "loaded");
    cr_expect(toy_same(loaded, newer));
    stoa_trainer_free(loaded);
}

static void expect_refused(const char *what, size_t where, enum stoa_status expected)
{
    struct stoa_error error = {0};
    enum stoa_status status = stoa_trainer_load(newer, path, &error);
    cr_expect(status == expected, "%s %zu: %s: %s", what, where, stoa_status_name(status), error.message);
    cr_expect(strstr(error.message, path), "%s %zu: %s", what, where, error.message);
}

static void expect_newer_untouched(void)
{
    struct stoa_trainer *fresh = toy_trainer(&net, &adam, "fresh");
    toy_steps(fresh, &set, 0, 6, "fresh");
    cr_expect(toy_same(fresh, newer));
    stoa_trainer_free(fresh);
}

Test(checkpoint, every_truncation_is_refused, FILES)
{
    size_t size;
    save(older);
    unsigned char *bytes = read_file(&size);
    for (size_t kept = 0; kept < size; kept++) {
        write_file(bytes, kept);
        expect_refused("truncation to", kept, STOA_ERROR_PARSE);
    }
    write_file(bytes, size);
    cr_expect(holds(older));
    free(bytes);
    expect_newer_untouched();
}

Test(checkpoint, every_flipped_bit_is_refused, FILES)
{
    size_t size;
    save(older);
    unsigned char *bytes = read_file(&size);
    FILE *file = fopen(path, "r+b");
    cr_assert(file && setvbuf(file, NULL, _IONBF, 0) == 0);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        unsigned char flipped = (unsigned char)(bytes[bit / 8] ^ 1u << bit % 8);
        cr_assert(fseek(file, (long)(bit / 8), SEEK_SET) == 0 && fputc(flipped, file) != EOF);
        expect_refused("bit", bit, STOA_ERROR_PARSE);
        cr_assert(fseek(file, (long)(bit / 8), SEEK_SET) == 0 && fputc(bytes[bit / 8], file) != EOF);
    }
    fclose(file);
    cr_expect(holds(older));
    free(bytes);
    expect_newer_untouched();
}

static const struct {
    const char *name, *net, *words;
    struct stoa_trainer_options options;
    enum stoa_status status;
} foreigners[] = {
    {"other names",
     "input x f32[?,5]\nconst w1 f32[9,5]\nconst c1 f32[9]\nh = Gemm(x, w1, c1) transB=1\nr = Relu(h)\n"
     "const w2 f32[3,9]\nconst b2 f32[3]\ny = Gemm(r, w2, b2) transB=1\noutput y\n",
     "'c1'",
     {.optimiser = STOA_OPTIMISER_ADAM, .accumulate = 2},
     STOA_ERROR_SHAPE},
    {"longer names",
     "input x f32[?,5]\nconst w1 f32[9,5]\nconst bias1 f32[9]\nh = Gemm(x, w1, bias1) transB=1\nr = Relu(h)\n"
     "const w2 f32[3,9]\nconst b2 f32[3]\ny = Gemm(r, w2, b2) transB=1\noutput y\n",
     "'bias1'",
     {.optimiser = STOA_OPTIMISER_ADAM, .accumulate = 2},
     STOA_ERROR_SHAPE},
    {"other dims",
     "input x f32[?,5]\nconst w1 f32[7,5]\nconst b1 f32[7]\nh = Gemm(x, w1, b1) transB=1\nr = Relu(h)\n"
     "const w2 f32[3,7]\nconst b2 f32[3]\ny = Gemm(r, w2, b2) transB=1\noutput y\n",
     "'w1' has other dims",
     {.optimiser = STOA_OPTIMISER_ADAM, .accumulate = 2},
     STOA_ERROR_SHAPE},
    {"fewer parameters",
     "input x f32[?,5]\nconst w1 f32[3,5]\ny = Gemm(x, w1) transB=1\noutput y\n",
     "has 4 parameters",
     {.optimiser = STOA_OPTIMISER_ADAM, .accumulate = 2},
     STOA_ERROR_SHAPE},
    {"another optimiser", NULL, "optimiser is 1", {.accumulate = 2}, STOA_ERROR_ARGUMENT},
    {"another way of accumulating", NULL, "accumulate is 2", {.optimiser = STOA_OPTIMISER_ADAM}, STOA_ERROR_ARGUMENT},
};

Test(checkpoint, of_another_model_or_optimiser_is_refused, FILES)
{
    save(older);
    for (size_t i = 0; i < sizeof foreigners / sizeof *foreigners; i++) {
        struct net other;
        struct stoa_error error = {0};
        net_build(&other, foreigners[i].net ? foreigners[i].net : toys[0].net, NULL);
        struct stoa_trainer *trainer = toy_trainer(&other, &foreigners[i].options, foreigners[i].name);
        struct stoa_trainer *fresh = toy_trainer(&other, &foreigners[i].options, foreigners[i].name);
        enum stoa_status status = stoa_trainer_load(trainer, path, &error);
        cr_expect(status == foreigners[i].status, "%s: %s", foreigners[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, foreigners[i].words), "%s: %s", foreigners[i].name, error.message);
        cr_expect(toy_same(trainer, fresh), "%s", foreigners[i].name);
        stoa_trainer_free(trainer);
        stoa_trainer_free(fresh);
        net_free(&other);
    }
}

Test(checkpoint, that_is_no_file_is_refused, FILES)
{
    cr_expect(stoa_trainer_load(newer, path, NULL) == STOA_ERROR_IO);
    cr_expect(stoa_trainer_load(newer, folder, NULL) == STOA_ERROR_IO);
    cr_expect(stoa_trainer_load(newer, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_trainer_save(newer, folder, NULL) == STOA_ERROR_IO);
    cr_expect(stoa_trainer_save(newer, "/nowhere/at/all", NULL) == STOA_ERROR_IO);
    cr_expect(stoa_trainer_save(NULL, path, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(files_in_folder() == 0);
}

/* The old file is intact and nothing lies about; but when all that failed was to sync the directory, the new file is
 * there. */
Test(checkpoint, survives_every_failing_call, FILES)
{
    static const int errors[] = {ENOSPC, EIO};
    for (size_t e = 0; e < 2; e++) {
        enum stoa_status status = STOA_ERROR_IO;
        size_t failures = 0;
        for (size_t at = 1; status != STOA_OK; at++) {
            struct stoa_error error = {0};
            save(older);
            faults.at = at;
            faults.calls = 0;
            faults.error = errors[e];
            faults.fault = FAULT_FAIL;
            status = stoa_trainer_save(newer, path, &error);
            size_t calls = faults.calls;
            faults.fault = FAULT_NONE;
            cr_assert(status == STOA_OK || status == STOA_ERROR_IO, "call %zu: %s", at, stoa_status_name(status));
            int directory_only = strstr(error.message, "directory") != NULL;
            cr_expect(holds(status == STOA_OK || directory_only ? newer : older), "call %zu of %zu", at, calls);
            cr_expect(files_in_folder() == 1, "call %zu: something lies about", at);
            failures += status != STOA_OK;
        }
        cr_expect(failures == 3 + (errors[e] == EIO), "%zu: a write, a sync, a rename, and the directory", failures);
    }
}

/* Its name is in there; a path that names no directory is of the working one. */
Test(checkpoint, syncs_the_directory_of_the_file_last, FILES)
{
    static const char *const names[] = {path, "bare.ckpt"};
    struct stat directory;
    cr_assert(stat(folder, &directory) == 0);
    for (size_t i = 0; i < 2; i++) {
        synced = (struct stat){0};
        cr_assert(stoa_trainer_save(newer, names[i], NULL) == STOA_OK);
        cr_expect(S_ISDIR(synced.st_mode) && synced.st_ino == directory.st_ino && synced.st_dev == directory.st_dev,
                  "%s", names[i]);
        cr_assert(chdir(folder) == 0);
    }
}

Test(checkpoint, survives_interrupts_and_short_writes, FILES)
{
    for (int fault = FAULT_INTERRUPT; fault <= FAULT_SHORT; fault++) {
        save(older);
        faults.calls = 0;
        faults.fault = (enum fault)fault;
        enum stoa_status status = stoa_trainer_save(newer, path, NULL);
        faults.fault = FAULT_NONE;
        cr_expect(status == STOA_OK && holds(newer) && files_in_folder() == 1, "fault %d", fault);
    }
}

/* A limit on files' sizes behaves as a full disk does: first a write is short, then one fails. */
Test(checkpoint, survives_a_full_disk, FILES)
{
    size_t size;
    save(older);
    free(read_file(&size));
    struct rlimit limit, tight;
    cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    for (size_t most = 0; most < size; most += 1 + size / 37) {
        tight = limit;
        tight.rlim_cur = most;
        cr_assert(setrlimit(RLIMIT_FSIZE, &tight) == 0);
        enum stoa_status status = stoa_trainer_save(newer, path, NULL);
        cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        cr_expect(status == STOA_ERROR_IO && holds(older) && files_in_folder() == 1, "%zu of %zu bytes", most, size);
    }
}

/* Killed in front of each call: the old file or the new one, and it can be saved over. */
Test(checkpoint, survives_being_killed, FILES)
{
    int ended = 0;
    for (size_t at = 1; !ended; at++) {
        save(older);
        pid_t child = fork();
        if (child == 0) {
            faults.at = at;
            faults.calls = 0;
            faults.fault = FAULT_KILL;
            _exit(stoa_trainer_save(newer, path, NULL) == STOA_OK ? 0 : 1);
        }
        int status;
        cr_assert(child > 0 && waitpid(child, &status, 0) == child);
        ended = WIFEXITED(status);
        cr_expect(ended ? WEXITSTATUS(status) == 0 : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        cr_expect(holds(at <= 3 ? older : newer), "killed at call %zu", at);
        cr_assert(at < 10);
    }
}
