/* Einsum from its definition: every combination of the indices adds one product to one element of the output, whose
 * slack is that of a sum of K products, K being how many combinations end up in an element. Backward, the gradient of
 * the output and the other operand go to the operand in just the same way. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reference/internal.h"

#define TEXT 64 /* labels of a term, an ellipsis being '.' */
#define LABELS 24

struct equation {
    size_t inputs;
    char terms[3][TEXT]; /* of the inputs; of the output, last */
};

struct part {
    const struct reference_tensor *tensor;
    char labels[LABELS]; /* of each dimension; those of an ellipsis are 1, 2, … from the last */
};

struct space {
    size_t rank, dims[LABELS];
    char labels[LABELS + 1];
};

static enum stoa_status refuse(struct reference_run *run, const char *why)
{
    return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute equation: %s", why);
}

static enum stoa_status read_equation(struct reference_run *run, struct equation *equation)
{
    const char *text = stoa_read_string(&run->reader, "equation", NULL);
    STOA_TRY(run->reader.status);
    if (!text)
        return refuse(run, "is missing");
    *equation = (struct equation){.inputs = 1};
    size_t term = 0, length = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        if (*text == ',' || strncmp(text, "->", 2) == 0) {
            term = *text == ',' ? term + 1 : 2;
            equation->inputs += *text == ',';
            text += *text != ',';
            length = 0;
            if (term > 2 || equation->inputs > 2)
                return refuse(run, "has more than two operands");
            continue;
        }
        text += *text == '.' ? 2 : 0;
        if (length + 2 > LABELS / 2)
            return refuse(run, "has too many labels");
        equation->terms[term][length++] = *text;
    }
    if (term == 2)
        return STOA_OK;
    char all[2 * TEXT + 1];
    snprintf(all, sizeof all, "%s%s", equation->terms[0], equation->terms[1]);
    length = 0;
    if (strchr(all, '.'))
        equation->terms[2][length++] = '.';
    for (char label = 'A'; label <= 'z'; label++) {
        const char *once = strchr(all, label);
        if (once && !strchr(once + 1, label) && length < LABELS / 2)
            equation->terms[2][length++] = label;
    }
    return STOA_OK;
}

/* An ellipsis of the term stands for the dimensions that its letters leave. */
static enum stoa_status label(struct reference_run *run, const char *term, struct part *part)
{
    size_t rank = part->tensor->rank, letters = strlen(term) - (strchr(term, '.') ? 1 : 0), at = 0;
    if (letters > rank || (letters < rank && !strchr(term, '.')))
        return refuse(run, "does not name as many dimensions as there are");
    for (; *term; term++) {
        if (*term != '.')
            part->labels[at++] = *term;
        for (size_t k = rank - letters; *term == '.' && k > 0; k--)
            part->labels[at++] = (char)k;
    }
    return STOA_OK;
}

static void join(const struct part *part, struct space *space)
{
    for (size_t k = 0; k < part->tensor->rank; k++) {
        size_t i = 0;
        while (i < space->rank && space->labels[i] != part->labels[k])
            i++;
        if (i == space->rank) {
            space->labels[space->rank++] = part->labels[k];
            space->dims[i] = 1;
        }
        if (part->tensor->dims[k] != 1)
            space->dims[i] = part->tensor->dims[k];
    }
}

static size_t offset(const struct part *part, const struct space *space, const size_t *index)
{
    size_t at = 0;
    for (size_t k = 0; k < part->tensor->rank; k++) {
        size_t i = 0;
        while (space->labels[i] != part->labels[k])
            i++;
        at = at * part->tensor->dims[k] + (part->tensor->dims[k] == 1 ? 0 : index[i]);
    }
    return at;
}

/* to += from * by (1 if there is no such) over all of the space. */
static void add_up(const struct space *space, const struct part *from, const struct part *by, const struct part *to,
                   struct reference_tensor *result)
{
    size_t index[LABELS] = {0}, total = 1, reached = 1;
    for (size_t i = 0; i < space->rank; i++) {
        total *= space->dims[i];
        bool has = false;
        for (size_t k = 0; k < to->tensor->rank; k++)
            has |= to->labels[k] == space->labels[i] && to->tensor->dims[k] != 1;
        reached *= has ? space->dims[i] : 1;
    }
    double K = reached ? (double)total / (double)reached : 0;
    for (size_t i = 0; i < total; i++, stoa_reference_next(space->rank, space->dims, index)) {
        double value = from->tensor->values[offset(from, space, index)];
        value *= by->tensor ? by->tensor->values[offset(by, space, index)] : 1;
        size_t at = offset(to, space, index);
        result->values[at] += value;
        result->slack[at] += K > 1 || by->tensor ? (K + 1) * fabs(value) : 0;
    }
}

/* Labels A and B, which are inputs `first` and the next. */
static enum stoa_status read_inputs(struct reference_run *run, size_t first, struct equation *equation,
                                    struct part parts[2], struct space *space)
{
    STOA_TRY(read_equation(run, equation));
    *space = (struct space){0};
    for (size_t i = 0; i < 2; i++) {
        parts[i] = (struct part){.tensor = stoa_reference_input(run, first + i)};
        if (!parts[i].tensor != (i >= equation->inputs))
            return refuse(run, "has not as many operands as there are inputs");
        if (!parts[i].tensor)
            continue;
        STOA_TRY(label(run, equation->terms[i], &parts[i]));
        join(&parts[i], space);
    }
    for (size_t i = 0; i < equation->inputs; i++)
        for (size_t k = 0; k < parts[i].tensor->rank; k++) {
            size_t dim = parts[i].tensor->dims[k];
            if (dim != 1 && dim != space->dims[strchr(space->labels, parts[i].labels[k]) - space->labels])
                return refuse(run, "a label stands for different dimensions");
        }
    return STOA_OK;
}

enum stoa_status stoa_reference_einsum(struct reference_run *run)
{
    struct equation equation;
    struct part parts[2];
    struct space space;
    STOA_TRY(read_inputs(run, 0, &equation, parts, &space));
    struct reference_tensor *y, shape = {.rank = 0};
    size_t ellipsis = 0;
    for (size_t i = 0; i < space.rank; i++)
        ellipsis += space.labels[i] < 'A';
    const char *term = equation.terms[2];
    shape.rank = strlen(term) + (strchr(term, '.') ? ellipsis - 1 : 0);
    if (shape.rank > STOA_MAX_RANK)
        return refuse(run, "the output has too many dimensions");
    struct part output = {.tensor = &shape};
    STOA_TRY(label(run, term, &output));
    for (size_t k = 0; k < shape.rank; k++) {
        const char *at = strchr(space.labels, output.labels[k]);
        if (!at)
            return refuse(run, "the output names what no input does");
        shape.dims[k] = space.dims[at - space.labels];
    }
    STOA_TRY(stoa_reference_output(run, 0, parts[0].tensor->dtype, shape.rank, shape.dims, &y));
    add_up(&space, &parts[0], &parts[1], &output, y);
    return STOA_OK;
}

#ifdef STOA_TRAINING
static enum stoa_status give(struct reference_run *run, size_t mine)
{
    struct equation equation;
    struct part parts[2], dy = {.tensor = stoa_reference_input(run, 0)};
    struct space space;
    struct reference_tensor *dx;
    STOA_TRY(read_inputs(run, 1, &equation, parts, &space));
    STOA_TRY(label(run, equation.terms[2], &dy));
    STOA_TRY(stoa_reference_output_like(run, parts[mine].tensor, &dx));
    add_up(&space, &dy, &parts[1 - mine], &parts[mine], dx);
    return STOA_OK;
}

enum stoa_status stoa_reference_einsum_backward_a(struct reference_run *run)
{
    return give(run, 0);
}

enum stoa_status stoa_reference_einsum_backward_b(struct reference_run *run)
{
    return give(run, 1);
}
#endif
