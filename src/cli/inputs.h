/* The inputs of a model as the command line gives them: files read, pictures prepared, batches repeated, open
 * dimensions filled in. */
#ifndef STOA_CLI_INPUTS_H
#define STOA_CLI_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/model.h>
#include <stoa/session.h>

#include "base/half.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "cli/settings.h"

struct model_input {
    struct stoa_value_info info;
    struct stoa_tensor tensor; /* plain; data null: not given */
};

struct model_inputs {
    const struct stoa_model *model;
    struct stoa_allocator allocator;
    size_t count;
    struct model_input *items;     /* in the order of the model's inputs */
    struct stoa_input_spec *specs; /* for stoa_session_options: what is known of them */
    size_t spec_count;
};

/* Writes what the model says of a value's dimensions, such as "[?,3,224,224]" (?: left open), and returns text. */
char *stoa_cli_dims_text(const struct stoa_value_info *info, char text[STOA_DIMS_TEXT]);

/* What the model says of its inputs. Whatever comes after, also a failure of this: stoa_cli_inputs_close. */
STOA_CHECKED enum stoa_status stoa_cli_inputs_open(const struct stoa_model *model, struct stoa_error *error,
                                                   struct model_inputs *inputs);
void stoa_cli_inputs_close(struct model_inputs *inputs);

/* Whether a path ends as pictures do. */
bool stoa_cli_is_picture(const char *path);

/* Reads the files of --input, or those of --data (input_0.pb or input_0.npy, …). */
STOA_CHECKED enum stoa_status stoa_cli_inputs_read(struct model_inputs *inputs, const struct settings *settings,
                                                   struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_inputs_read_data(struct model_inputs *inputs, const char *directory,
                                                        struct stoa_error *error);
/* Applies --batch and --size and fills `specs`. Inputs that decide shapes (stoa_value_info) become fixed. */
STOA_CHECKED enum stoa_status stoa_cli_inputs_specify(struct model_inputs *inputs, const struct settings *settings,
                                                      struct stoa_error *error);
/* Binds the inputs to a session made with the specs. Float inputs that were not given become random numbers: *random
 * tells how many. */
STOA_CHECKED enum stoa_status stoa_cli_inputs_bind(struct model_inputs *inputs, size_t seed,
                                                   struct stoa_session *session, struct stoa_error *error,
                                                   size_t *random);

/* Reads DIRECTORY/STEM_INDEX.pb or .npy. The data are released with stoa_release. */
STOA_CHECKED enum stoa_status stoa_cli_read_numbered(const char *directory, const char *stem, size_t index,
                                                     const struct stoa_allocator *allocator, struct stoa_error *error,
                                                     struct stoa_tensor *tensor, enum half *half);

#endif
