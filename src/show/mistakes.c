/* Mistakes, kept sorted: there are few of them. */
#include "show/mistakes.h"

#include <math.h>
#include <string.h>

static size_t best_of(size_t classes, const float *scores)
{
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        best = scores[k] > scores[best] ? k : best;
    return best;
}

/* Of class k, `best` being the one with the largest score. */
static double probability_of(size_t classes, const float *scores, size_t best, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < classes; i++)
        sum += exp((double)scores[i] - (double)scores[best]);
    return exp((double)scores[k] - (double)scores[best]) / sum;
}

static void insert(struct mistakes *mistakes, const struct mistake *mistake)
{
    size_t at = mistakes->count;
    while (at > 0 && mistakes->items[at - 1].probability < mistake->probability)
        at--;
    if (at == mistakes->most)
        return;
    size_t kept = mistakes->count < mistakes->most ? mistakes->count : mistakes->most - 1;
    memmove(mistakes->items + at + 1, mistakes->items + at, (kept - at) * sizeof *mistakes->items);
    mistakes->items[at] = *mistake;
    mistakes->count = kept + 1;
}

void stoa_mistakes_add(struct mistakes *mistakes, size_t first, size_t batch, size_t classes, const float *scores,
                       const int64_t *labels)
{
    for (size_t n = 0; n < batch; n++) {
        const float *row = scores + n * classes;
        size_t best = best_of(classes, row);
        if (labels[n] < 0 || (size_t)labels[n] == best)
            continue;
        mistakes->made++;
        struct mistake mistake = {.index = first + n, .label = (size_t)labels[n], .taken = best};
        mistake.probability = probability_of(classes, row, best, best);
        mistake.of_label = probability_of(classes, row, best, mistake.label);
        insert(mistakes, &mistake);
    }
}
