/* A tile of C stays in registers over all of k: each float of A is spread over a vector and multiplied with vectors of
 * a row of B, which serve all rows of the tile. A strip of columns of B is read again for every tile, from the L1
 * cache. Rows of a strip that lie a panel apart would share a quarter of that cache's sets, so B is packed by strips:
 * on a Zen 3 core that and four steps of k at a time (a fifth fewer instructions) are worth 5 %, and 25 where another
 * thread runs on the same core. What is read next is asked for meanwhile, a line every four steps, tile after tile: the
 * next strip, or A's next rows. */
#include "kernels/small_product.h"

#include "kernels/isa.h"

/* Rows of a tile, and vectors of its columns: with 16 registers, sums for all but those of a row of B and a float of A.
 * Narrow vectors are for checks alone (gemm/blas.c), and go row by row. */
#define ROWS (LANES > 4 ? 6 : 1)
#define VECTORS 2

/* Steps of k at a time where they cost as many instructions as there are sums to add to. */
#define STEPS (LANES == 8 ? 4 : 1)

/* Loops over sums are single and of known length, so that the compiler unrolls them before it gives out registers. */
#define UNROLLED _Pragma("GCC unroll 16")

/* A tile's place: column `last` is where its last vector begins, which may overlap the one before it and then computes
 * the same; `ahead` is what to ask for next of the lines [next, end). */
struct place {
    const float *a, *b, *ahead, *next, *end;
    float *c;
    size_t b_row, row, column, last;
};

/* What of a tile is known where it is inlined: `whole` strips are packed and of whole vectors. */
struct form {
    size_t rows, vectors;
    bool whole;
};

/* Rows of a matrix as two pointers three rows apart and a step: left to itself, GCC 12 takes a register, or a place on
 * the stack, for each row. */
struct rows {
    float *from[2];
    size_t step;
};

static STOA_INLINE struct rows rows_at(float *from, size_t step, size_t count)
{
    struct rows rows = {.from = {from, from}, .step = step};
    __asm__("" : "+r"(rows.from[0]));
    if (count > 3) {
        rows.from[1] = rows.from[0] + 3 * step;
        __asm__("" : "+r"(rows.from[1]));
    }
    return rows;
}

static STOA_INLINE float *row_of(const struct rows *rows, size_t i)
{
    return rows->from[i / 3] + i % 3 * rows->step;
}

/* Columns of vector v. */
static STOA_INLINE size_t column_of(const struct place *place, size_t v, struct form form)
{
    return form.whole || v + 1 < form.vectors ? v * LANES : place->last;
}

/* The epilogue, in registers. */
static STOA_INLINE void finish(const struct epilogue *epilogue, const struct place *place, struct form form,
                               lanes *sums)
{
    size_t vectors = form.vectors, count = form.rows * vectors;
    if (epilogue->bias) {
        const float *bias = epilogue->bias + place->column;
        UNROLLED
        for (size_t i = 0; i < count; i++)
            sums[i] += *(const lanes *)(bias + column_of(place, i % vectors, form));
    }
    if (epilogue->addend) {
        struct rows addend = rows_at((float *)epilogue->addend + place->row * epilogue->addend_row + place->column,
                                     epilogue->addend_row, form.rows);
        UNROLLED
        for (size_t i = 0; i < count; i++)
            sums[i] += *(const lanes *)(row_of(&addend, i / vectors) + column_of(place, i % vectors, form));
    }
    if (epilogue->activation.kind == ACTIVATION_RELU) {
        UNROLLED
        for (size_t i = 0; i < count; i++)
            at_least(0, &sums[i]);
    } else {
        struct squash f = stoa_activation_squash(&epilogue->activation);
        squash(&f, count, sums);
    }
}

/* sums += a column of A, `at` bytes behind `row[i]`, times a row of B. */
static STOA_INLINE void step(const float *const *row, size_t at, const float *b, const struct place *place,
                             struct form form, lanes *sums)
{
    lanes line[VECTORS];
    UNROLLED
    for (size_t v = 0; v < form.vectors; v++)
        line[v] = *(const lanes *)(b + column_of(place, v, form));
    UNROLLED
    for (size_t i = 0; i < form.rows; i++)
        add_products((const float *)((const char *)row[i] + at), form.vectors, line, sums + i * form.vectors);
}

static STOA_INLINE void tile(const struct small_product *p, struct place *place, struct form form)
{
    lanes sums[ROWS * VECTORS];
    const float *row[ROWS], *b = place->b, *ahead = place->ahead;
    size_t vectors = form.vectors, count = form.rows * vectors;
    size_t b_row = form.whole && LANES > 4 ? vectors * LANES : place->b_row, left = p->k, at = 0;
    UNROLLED
    for (size_t i = 0; i < count; i++)
        sums[i] = (lanes){0};
    UNROLLED
    for (size_t i = 0; i < form.rows; i++)
        row[i] = place->a + i * p->a_row;
    size_t whole_steps = STEPS > 1 && form.whole ? left / STEPS * STEPS : 0;
    for (size_t end = whole_steps * sizeof(float); at != end; at += STEPS * sizeof(float), b += STEPS * b_row) {
        __builtin_prefetch((const char *)ahead + at * (b_row / STEPS));
        __asm__("" : "+r"(b), "+r"(at));
        UNROLLED
        for (size_t i = 0; i < STEPS; i++)
            step(row, at + i * sizeof(float), b + i * b_row, place, form, sums);
    }
    ahead += whole_steps / STEPS * b_row;
    for (left -= whole_steps; left > 0; left--, at += p->a_column * sizeof(float), b += b_row, ahead += b_row) {
        __builtin_prefetch(ahead);
        step(row, at, b, place, form, sums);
    }
    place->ahead = ahead < place->end ? ahead : place->next;
    if (p->add) {
        struct rows c = rows_at(place->c, p->c_row, form.rows);
        UNROLLED
        for (size_t i = 0; i < count; i++)
            sums[i] += *(const lanes *)(row_of(&c, i / vectors) + column_of(place, i % vectors, form));
    }
    if (form.whole && p->last)
        finish(p->last, place, form, sums);
    struct rows c = rows_at(place->c, p->c_row, form.rows);
    UNROLLED
    for (size_t i = 0; i < count; i++)
        *(lanes *)(row_of(&c, i / vectors) + column_of(place, i % vectors, form)) = sums[i];
}

/* Rows of the next tile of so many that are left: sixes, and threes and fours where that would leave one or two. */
static size_t rows_of(size_t left)
{
    if (ROWS == 1)
        return 1;
    return left == 7 || left == 8 || left == 4 ? 4 : left == 5 ? 3 : left < ROWS ? left : ROWS;
}

/* Where B has columns [column, column + width) of its own, `b_row` floats from row to row, and [next, end), which is to
 * be read after them. */
struct part {
    size_t column, width, b_row;
    const float *b, *next, *end;
};

/* What each tile asks for in front, so that all of a strip's tiles together ask for all there is: lines that few tiles
 * of many steps leave over. Where the strip is short it takes as long as it saves. */
#define LINE 16
#define LONG 128
static STOA_INLINE size_t in_front(const struct small_product *p, const struct part *part)
{
    size_t tiles = (p->m + ROWS - 1) / ROWS, lines = (size_t)(part->end - part->next) / LINE;
    size_t steps = tiles * (p->k / STEPS);
    return p->m && p->k >= LONG && lines > steps ? (lines - steps + tiles - 1) / tiles : 0;
}

/* `vectors` and `whole` are known where this is inlined. */
static STOA_INLINE void strip(const struct small_product *p, const struct part *part, size_t vectors, bool whole)
{
    struct place place = {
        .a = p->a,
        .b = part->b,
        .ahead = part->next,
        .next = part->next,
        .end = part->end,
        .c = p->c + part->column,
        .b_row = part->b_row,
        .column = part->column,
        .last = part->width - LANES,
    };
    size_t front = in_front(p, part);
    while (place.row < p->m) {
        size_t rows = rows_of(p->m - place.row);
        for (size_t i = 0; i < front; i++, place.ahead += LINE)
            __builtin_prefetch(place.ahead);
        if (ROWS > 1 && rows == 6)
            tile(p, &place, (struct form){ROWS, vectors, whole});
        else if (ROWS > 1 && rows == 4)
            tile(p, &place, (struct form){ROWS > 1 ? 4 : 1, vectors, whole});
        else if (ROWS > 1 && rows == 3)
            tile(p, &place, (struct form){ROWS > 1 ? 3 : 1, vectors, whole});
        else if (ROWS > 1 && rows == 2)
            tile(p, &place, (struct form){ROWS > 1 ? 2 : 1, vectors, whole});
        else
            tile(p, &place, (struct form){1, vectors, whole});
        place.row += rows;
        place.a += rows * p->a_row;
        place.c += rows * p->c_row;
    }
}

/* The epilogue of a strip whose tiles do without. */
static void finish_strip(const struct small_product *p, const struct part *part)
{
    struct epilogue epilogue = *p->last;
    epilogue.bias = epilogue.bias ? epilogue.bias + part->column : NULL;
    epilogue.addend = epilogue.addend ? epilogue.addend + part->column : NULL;
    stoa_epilogue_rows(p->m, part->width, &epilogue, p->c + part->column, p->c_row);
}

/* Strips are as wide as the CPU's vectors want them, which need not be this copy's. */
static void strips(const struct small_product *p, const struct part *all)
{
    struct part part = *all;
    for (size_t column = 0; column < all->width; column += part.width) {
        part.column = all->column + column;
        part.width = stoa_small_product_cut(all->width - column, LANES);
        part.b = all->b + column;
        bool more = column + part.width < all->width;
        part.next = more ? part.b + part.width : all->next;
        part.end = more ? part.next + p->k * part.b_row : all->end;
        /* Strips are packed as wide as they are computed, but for the narrowest vectors. */
        bool whole = (LANES == 4 || part.width == part.b_row) && part.width % LANES == 0 && p->a_column == 1;
        if (whole && part.width == LANES)
            strip(p, &part, 1, true);
        else if (whole)
            strip(p, &part, VECTORS, true);
        else if (part.width == LANES)
            strip(p, &part, 1, false);
        else
            strip(p, &part, VECTORS, false);
        if (!whole && p->last)
            finish_strip(p, &part);
    }
}

/* What a packed strip asks for; the one after it begins at `columns`. */
static STOA_INLINE void ask(const struct small_product *p, const float *columns, struct part *part)
{
    size_t done = part->column + part->width, a_floats = p->m * p->k;
    if (p->near && p->a_row == p->k) {
        part->next = p->a + a_floats + a_floats * part->column / p->n;
        part->end = p->a + a_floats + a_floats * done / p->n;
        return;
    }
    /* Behind the last strip the rows that follow in the first, or B's neighbour. */
    size_t width = stoa_small_product_strip(done < p->n ? p->n - done : p->n);
    if (done < p->n)
        part->next = columns + p->b_first * width;
    else
        part->next = p->b_first + p->k < p->b_rows ? p->b + (p->b_first + p->k) * width : columns;
    part->end = part->next + p->k * width;
}

/* Asks for what is added to the next strip, or to the first of the rows that follow: it may come from memory, which
 * takes longer than a tile. */
STOA_RARE static void ask_addend(const struct small_product *p, size_t column)
{
    __asm__ volatile(""); /* else the compiler drops calls, which have no effect that it knows of */
    const float *addend = p->last->addend + column;
    if (column >= p->n)
        addend += p->m * p->last->addend_row - column;
    for (size_t i = 0; i < p->m; i++, addend += p->last->addend_row)
        __builtin_prefetch(addend);
}

STOA_COPY(stoa_small_product, (const struct small_product *p), (p))
{
    if (p->b_row) {
        strips(p, &(struct part){.width = p->n, .b_row = p->b_row, .b = p->b, .next = p->b, .end = p->b});
        return;
    }
    const float *columns = p->b;
    for (size_t column = 0, width; column < p->n; column += width) {
        width = stoa_small_product_strip(p->n - column);
        struct part part = {.column = column, .width = width, .b_row = width, .b = columns + p->b_first * width};
        columns += p->b_rows * width;
        ask(p, columns, &part);
        if (p->last && p->last->addend)
            ask_addend(p, column + width);
        strips(p, &part);
    }
}
