/* The options of `stoa train`. */
#include <math.h>
#include <string.h>

#include "cli/option.h"

#define MAX_COUNT 1000000000 /* of steps, images, epochs: what nobody lives to see */

static bool take_model(struct settings *settings, const char *text)
{
    settings->model = text;
    return text[0] != '\0';
}

static bool take_data(struct settings *settings, const char *text)
{
    settings->data = text;
    return text[0] != '\0';
}

static bool take_epochs(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, MAX_COUNT, &settings->train.epochs);
}

static bool take_batch(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, MAX_COUNT, &settings->train.batch);
}

static bool take_limit(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, MAX_COUNT, &settings->train.limit);
}

static bool take_loss(struct settings *settings, const char *text)
{
    for (int i = 0; i < STOA_LOSS_COUNT; i++)
        if (strcmp(text, stoa_loss_name((enum stoa_loss)i)) == 0) {
            settings->train.loss = (enum stoa_loss)i;
            return true;
        }
    return false;
}

static bool take_label_smoothing(struct settings *settings, const char *text)
{
    return stoa_cli_read_double(text, 0, 0.999, &settings->train.label_smoothing);
}

static bool take_optimizer(struct settings *settings, const char *text)
{
    settings->train.nesterov = strcmp(text, "nesterov") == 0;
    settings->train.optimiser = STOA_OPTIMISER_SGD;
    if (settings->train.nesterov)
        return true;
    for (int i = 0; i < STOA_OPTIMISER_COUNT; i++)
        if (strcmp(text, stoa_optimiser_name((enum stoa_optimiser)i)) == 0) {
            settings->train.optimiser = (enum stoa_optimiser)i;
            return true;
        }
    return false;
}

static bool take_lr(struct settings *settings, const char *text)
{
    return stoa_cli_read_double(text, 0, 1e6, &settings->train.learning_rate) && settings->train.learning_rate > 0;
}

static bool take_momentum(struct settings *settings, const char *text)
{
    return stoa_cli_read_double(text, 0, 0.999999, &settings->train.momentum);
}

static bool take_weight_decay(struct settings *settings, const char *text)
{
    return stoa_cli_read_double(text, 0, 1e6, &settings->train.weight_decay);
}

static bool take_schedule(struct settings *settings, const char *text)
{
    for (int i = 0; i < STOA_SCHEDULE_COUNT; i++)
        if (strcmp(text, stoa_schedule_name((enum stoa_schedule)i)) == 0) {
            settings->train.schedule = (enum stoa_schedule)i;
            return settings->train.scheduled = true;
        }
    return false;
}

static bool take_warmup(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 0, MAX_COUNT, &settings->train.warmup);
}

/* "flip,shift=2", or "none". */
static bool take_augment(struct settings *settings, const char *text)
{
    struct train_settings *train = &settings->train;
    train->augmented = true;
    train->flip = false;
    train->shift = 0;
    if (strcmp(text, "none") == 0)
        return true;
    for (size_t length; length = strcspn(text, ","), length; text += length + (text[length] == ',')) {
        char word[32];
        if (length >= sizeof word)
            return false;
        memcpy(word, text, length);
        word[length] = '\0';
        if (strcmp(word, "flip") == 0)
            train->flip = true;
        else if (strncmp(word, "shift=", 6) != 0 || !stoa_cli_read_size(word + 6, 1, MAX_COUNT, &train->shift))
            return false;
    }
    return *text == '\0' && (train->flip || train->shift);
}

static bool take_clip(struct settings *settings, const char *text)
{
    return stoa_cli_read_double(text, 0, 1e30, &settings->train.clip) && settings->train.clip > 0;
}

static bool take_accumulate(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, MAX_COUNT, &settings->train.accumulate);
}

static bool take_seed(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 0, INT32_MAX, &settings->seed);
}

static bool take_freeze(struct settings *settings, const char *text)
{
    if (settings->train.frozen_count == CLI_MAX_FROZEN)
        return false;
    settings->train.frozen[settings->train.frozen_count++] = text;
    return text[0] != '\0';
}

static bool take_checkpoint(struct settings *settings, const char *text)
{
    settings->train.checkpoint = text;
    return text[0] != '\0';
}

static bool take_checkpoint_every(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, MAX_COUNT, &settings->train.checkpoint_every);
}

static bool take_resume(struct settings *settings, const char *text)
{
    (void)text;
    return settings->train.resume = true;
}

static bool take_resume_if_any(struct settings *settings, const char *text)
{
    (void)text;
    return settings->train.resume_if_any = true;
}

static bool take_export(struct settings *settings, const char *text)
{
    settings->train.export = text;
    return text[0] != '\0';
}

static bool take_log(struct settings *settings, const char *text)
{
    settings->train.log = text;
    return text[0] != '\0';
}

static bool take_patience(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, MAX_COUNT, &settings->train.patience);
}

const struct option stoa_cli_train_options[] = {
    {"model", "NAME|FILE.onnx", IN_TRAIN, take_model,
     "a ready-made network with fresh weights (lenet5, vgg_small, vgg_bn, resnet20, alexnet, vgg16, resnet18, "
     "mobilenet_v2), or a file to train further"},
    {"data", "SET", IN_TRAIN, take_data,
     "fashion-mnist[:DIR]; idx:DIR, the files of MNIST; cifar10:DIR, binary version; folder:DIR, pictures as "
     "train/CLASS/x.png and test/CLASS/x.png, or as CLASS/x.png, of which a fifth becomes the test part; "
     "they are resized to what FILE.onnx takes, or to the first one's size"},
    {"epochs", "N", IN_TRAIN, take_epochs,
     "times to see the training part (default 10), those before --resume included"},
    {"batch", "N", IN_TRAIN, take_batch,
     "images in a step (default 64); those that do not fill one are left out of an epoch"},
    {"limit", "N", IN_TRAIN, take_limit, "see only the first N images of each epoch's order"},
    {"optimizer", "HOW", IN_TRAIN, take_optimizer, "sgd (the default), nesterov, adam, adamw"},
    {"lr", "RATE", IN_TRAIN, take_lr,
     "learning rate (default 0.05, in proportion for less than 64 images a step; 0.001 for adam and adamw)"},
    {"momentum", "M", IN_TRAIN, take_momentum, "of sgd and nesterov, below 1 (default 0.9)"},
    {"weight-decay", "D", IN_TRAIN, take_weight_decay,
     "of weights, not of biases and norms (default 0.0005; 0 for adam, 0.01 for adamw)"},
    {"schedule", "HOW", IN_TRAIN, take_schedule,
     "of the learning rate: cosine (the default: down to 0 at the end), constant, step (a tenth after each third)"},
    {"warmup", "N", IN_TRAIN, take_warmup,
     "steps in which the rate grows from 0 (default 200, at most a tenth of all)"},
    {"loss", "WHICH", IN_TRAIN, take_loss,
     "cross-entropy (the default), hinge, mean-squared, binary-cross-entropy; the last two against 1 for the class "
     "and 0 for others"},
    {"label-smoothing", "S", IN_TRAIN, take_label_smoothing, "of cross-entropy, below 1 (default 0)"},
    {"augment", "flip,shift=N|none", IN_TRAIN, take_augment,
     "mirror training images left and right, move them by up to N pixels (default: both for fashion-mnist, N 2, and "
     "for cifar10, N 4; none for others)"},
    {"clip", "NORM", IN_TRAIN, take_clip, "scale gradients whose norm is larger"},
    {"accumulate", "N", IN_TRAIN, take_accumulate, "take a step with the mean of N batches' gradients"},
    {"freeze", "PATTERN", IN_TRAIN, take_freeze,
     "keep parameters whose name matches, as in a shell ('features.*'), as they are; may be given again"},
    {"seed", "S", IN_TRAIN, take_seed, "of weights, order, augmentation and dropout (default 0): same seed, same bits"},
    {"checkpoint", "FILE", IN_TRAIN, take_checkpoint,
     "write all there is after each epoch and when interrupted; whatever FILE held is replaced"},
    {"checkpoint-every", "N", IN_TRAIN, take_checkpoint_every, "and after every N batches"},
    {"resume", NULL, IN_TRAIN, take_resume,
     "go on from the checkpoint, given the same options otherwise; fails when there is none"},
    {"resume-if-any", NULL, IN_TRAIN, take_resume_if_any, "the same, but start anew when there is none"},
    {"export", "FILE.onnx", IN_TRAIN, take_export, "write the network of the epoch that did best on the test part"},
    {"log", "FILE", IN_TRAIN, take_log,
     "write JSON lines: the settings, then one an epoch; with --resume they are added to FILE"},
    {"patience", "N", IN_TRAIN, take_patience, "stop after N epochs that did not do better"},
};
const size_t stoa_cli_train_option_count = sizeof stoa_cli_train_options / sizeof stoa_cli_train_options[0];
