/* Toys: what a network of every kind of state has, in as few elements as possible. */
#include "train/toy.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/random.h"
#include "train/trainer.h"

const struct toy toys[] = {
    {"two layers",
     "input x f32[?,5]\nconst w1 f32[9,5]\nconst b1 f32[9]\nh = Gemm(x, w1, b1) transB=1\nr = Relu(h)\n"
     "const w2 f32[3,9]\nconst b2 f32[3]\ny = Gemm(r, w2, b2) transB=1\noutput y\n",
     5},
    {"images, normalised",
     "input x f32[?,3,4,4]\nconst s f32[3]{1,0.9,1.1}\nconst o f32[3]{0,0.1,-0.1}\nconst m f32[3]{0,0,0}\n"
     "const v f32[3]{1,1,1}\nn = BatchNormalization(x, s, o, m, v)\nr = Relu(n)\n"
     "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\nf = Flatten(p)\nconst w f32[3,12]\nconst b f32[3]\n"
     "y = Gemm(f, w, b) transB=1\noutput y\n",
     48},
    {"all kinds of layers",
     "input x f32[?,1,8,8]\nconst w1 f32[6,1,3,3]\nc = Conv(x, w1) pads=[1,1,1,1]\nconst s f32[6]{1*6}\n"
     "const o f32[6]{0*6}\nconst m f32[6]{0*6}\nconst v f32[6]{1*6}\nn = BatchNormalization(c, s, o, m, v)\n"
     "r = Relu(n)\nq = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\nconst w2 f32[6,6,3,3]\nconst b2 f32[6]\n"
     "d = Conv(q, w2, b2) pads=[1,1,1,1]\na = Add(d, q)\ng = Relu(a)\nconst ratio f32(0.1)\n"
     "u = Dropout(g, ratio)\nconst k f32(0.02)\nz = Mul(u, k)\nf = Flatten(z)\nconst w f32[3,96]\nconst b f32[3]\n"
     "y = Gemm(f, w, b) transB=1\noutput y\n",
     64},
};
const size_t toy_count = sizeof toys / sizeof *toys;

static enum stoa_status get(void *user, size_t epoch, size_t position, struct stoa_error *error,
                            struct stoa_examples *examples)
{
    (void)error;
    struct toy_set *set = user;
    struct random random = {.state = set->seed * 1000003 + (set->fixed ? 0 : epoch * 1009) + position};
    size_t count = position + 1 == set->batches.count ? set->last : TOY_BATCH;
    for (size_t n = 0; n < TOY_BATCH; n++) {
        int64_t label = stoa_random_int(&random, 0, TOY_CLASSES - 1);
        set->labels[n] = n < count ? label : -1;
        for (size_t i = 0; i < set->elements; i++)
            set->x[n * set->elements + i] = 0.5f * stoa_random_normal(&random) + ((int64_t)(i % TOY_CLASSES) == label);
    }
    *examples = (struct stoa_examples){.x = set->x, .labels = set->labels, .count = count};
    set->calls++;
    return STOA_OK;
}

void toy_set_init(struct toy_set *set, const struct toy *toy, size_t count, uint64_t seed)
{
    cr_assert(toy->elements <= TOY_MOST);
    *set = (struct toy_set){.batches = {.batch = TOY_BATCH, .count = count, .get = get, .user = set},
                            .elements = toy->elements,
                            .last = TOY_BATCH,
                            .seed = seed};
}

struct stoa_trainer *toy_trainer(const struct net *net, const struct stoa_trainer_options *options, const char *name)
{
    struct stoa_trainer_options complete = *options;
    struct stoa_trainer *trainer;
    struct stoa_error error = {0};
    if (!complete.batch)
        complete.batch = TOY_BATCH;
    if (!complete.threads)
        complete.threads = 1;
    cr_assert(stoa_trainer_create(net->model, &complete, &error, &trainer) == STOA_OK, "%s: %s", name, error.message);
    return trainer;
}

void toy_steps(struct stoa_trainer *trainer, struct toy_set *set, size_t first, size_t count, const char *name)
{
    struct stoa_error error = {0};
    for (size_t i = first; i < first + count; i++) {
        struct stoa_examples examples;
        cr_assert(set->batches.get(set, 0, i, &error, &examples) == STOA_OK);
        cr_assert(stoa_trainer_step(trainer, examples.x, examples.labels, &error, NULL) == STOA_OK, "%s: step %zu: %s",
                  name, i, error.message);
    }
}

static int same(const float *a, const float *b, size_t count)
{
    return (!a && !b) || (a && b && memcmp(a, b, count * sizeof *a) == 0);
}

int toy_same(const struct stoa_trainer *a, const struct stoa_trainer *b)
{
    size_t trained = a->trained_count;
    return a->value_count == b->value_count && trained == b->trained_count &&
           memcmp(&a->state, &b->state, sizeof a->state) == 0 && same(a->values, b->values, a->value_count) &&
           same(a->states[0], b->states[0], trained) && same(a->states[1], b->states[1], trained) &&
           same(a->sum, b->sum, trained) && (!a->state.has_best || same(a->best, b->best, a->value_count));
}
