/* The strongest elements over many pictures: one walk that keeps the strongest of each map, and another that carries
 * those back. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "run/session.h"
#include "show/array.h"
#include "show/deconv.h"
#include "show/receptive.h"

/* What a caller's sheet is the first member of. */
struct sheet {
    struct stoa_deconv_sheet shown;
    struct stoa_allocator allocator;
    struct arena arena;
};

struct search {
    struct stoa_deconv *deconv;
    const struct stoa_deconv_pictures *pictures;
    size_t maps, top;
    struct stoa_deconv_unit *units; /* [maps of the layer][top], strongest first; of those there are */
    size_t *counts;                 /* [maps of the layer] */
    size_t *order;                  /* maps, the strongest first */
    float *pixels;                  /* of a projection */
};

/* Elements that are not numbers are passed over. */
static bool strongest_of(const float *map, size_t count, size_t *at)
{
    bool found = false;
    for (size_t i = 0; i < count; i++)
        if (map[i] > (found ? map[*at] : 0)) {
            *at = i;
            found = true;
        }
    return found;
}

static void keep(struct search *search, const struct stoa_deconv_unit *unit)
{
    struct stoa_deconv_unit *units = search->units + unit->map * search->top;
    size_t *count = &search->counts[unit->map], place = *count;
    while (place > 0 && units[place - 1].value < unit->value)
        place--;
    if (place == search->top)
        return;
    *count = stoa_size_min(*count + 1, search->top);
    memmove(units + place + 1, units + place, (*count - 1 - place) * sizeof *units);
    units[place] = *unit;
}

static enum stoa_status walk(struct search *search, struct stoa_error *error)
{
    const struct stoa_deconv_info *info = &search->deconv->info;
    for (size_t p = 0; p < search->pictures->count; p++) {
        const float *picture, *maps;
        STOA_TRY(search->pictures->get(search->pictures->user, p, error, &picture));
        STOA_TRY(stoa_deconv_run(search->deconv, picture, error, &maps));
        size_t elements = info->map_height * info->map_width, at = 0;
        for (size_t m = 0; m < info->maps; m++) {
            const float *map = maps + m * elements;
            if (!strongest_of(map, elements, &at))
                continue;
            const struct stoa_deconv_unit unit = {
                .image = p, .map = m, .row = at / info->map_width, .column = at % info->map_width, .value = map[at]};
            keep(search, &unit);
        }
    }
    return STOA_OK;
}

/* Returns how many of the maps asked for there are. */
static size_t order_maps(struct search *search)
{
    size_t count = 0;
    for (size_t m = 0; m < search->deconv->info.maps; m++) {
        size_t place = count;
        if (!search->counts[m])
            continue;
        float value = search->units[m * search->top].value;
        for (; place > 0 && search->units[search->order[place - 1] * search->top].value < value; place--)
            search->order[place] = search->order[place - 1];
        search->order[place] = m;
        count++;
    }
    return stoa_size_min(count, search->maps);
}

/* Where a part that begins at `first`, maybe beyond an edge, lies in the picture. */
static size_t moved_in(int64_t first, size_t part, size_t whole)
{
    if (first < 0)
        return 0;
    return stoa_size_min((size_t)first, whole - part);
}

static enum stoa_status cut(const struct search *search, const struct stoa_deconv_item *item, const float *pixels,
                            struct arena *arena, struct stoa_error *error, const float **part)
{
    const struct stoa_deconv_info *info = &search->deconv->info;
    float *out;
    STOA_TRY(
        stoa_arena_allocate(arena, info->channels * info->field_height * info->field_width, sizeof *out, error, &out));
    *part = out;
    for (size_t c = 0; c < info->channels; c++)
        for (size_t y = 0; y < info->field_height; y++, out += info->field_width)
            memcpy(out, pixels + (c * info->height + item->top + y) * info->width + item->left,
                   info->field_width * sizeof *out);
    return STOA_OK;
}

static enum stoa_status fill(struct search *search, const struct stoa_deconv_unit *unit, struct arena *arena,
                             struct stoa_error *error, struct stoa_deconv_item *item)
{
    struct stoa_deconv *deconv = search->deconv;
    const struct stoa_deconv_info *info = &deconv->info;
    const float *picture;
    struct receptive_field field;
    bool found;
    STOA_TRY(search->pictures->get(search->pictures->user, unit->image, error, &picture));
    STOA_TRY(stoa_deconv_project(deconv, picture, unit->map, unit->row, unit->column, error, search->pixels));
    STOA_TRY(stoa_receptive_field(deconv->forward->plan, deconv->value, unit->row, unit->column, deconv->input, error,
                                  &found, &field));
    item->unit = *unit;
    item->top = moved_in(field.first[0], info->field_height, info->height);
    item->left = moved_in(field.first[1], info->field_width, info->width);
    STOA_TRY(cut(search, item, picture, arena, error, &item->picture));
    return cut(search, item, search->pixels, arena, error, &item->projection);
}

static enum stoa_status fill_sheet(struct search *search, struct sheet *made, struct stoa_error *error)
{
    struct stoa_deconv_sheet *sheet = &made->shown;
    struct stoa_deconv_item *items;
    STOA_TRY(walk(search, error));
    sheet->map_count = order_maps(search);
    sheet->top = search->top;
    if (!sheet->map_count)
        return stoa_fail(error, STOA_ERROR_DATA, "layer '%.200s': no element is above 0 in any of the pictures",
                         search->deconv->info.value);
    STOA_TRY(stoa_arena_allocate(&made->arena, sheet->map_count * search->top, sizeof *items, error, &items));
    sheet->items = items;
    memset(items, 0, sheet->map_count * search->top * sizeof *items);
    for (size_t m = 0; m < sheet->map_count; m++)
        for (size_t t = 0; t < search->counts[search->order[m]]; t++)
            STOA_TRY(fill(search, &search->units[search->order[m] * search->top + t], &made->arena, error,
                          &items[m * search->top + t]));
    return STOA_OK;
}

static enum stoa_status make(struct search *search, struct sheet *sheet, struct stoa_error *error)
{
    const struct stoa_deconv_info *info = &search->deconv->info;
    const struct stoa_allocator *allocator = &sheet->allocator;
    size_t pixels = info->channels * info->height * info->width, units;
    if (!search->maps || !search->top || !search->pictures->count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%zu maps of %zu of %zu pictures are asked for", search->maps,
                         search->top, search->pictures->count);
    search->top = stoa_size_min(search->top, search->pictures->count);
    if (!stoa_size_mul(info->maps, search->top, &units))
        return stoa_fail(error, STOA_ERROR_LIMIT, "the strongest %zu of %zu maps are too many", search->top,
                         info->maps);
    STOA_TRY(stoa_allocate(allocator, units, sizeof *search->units, error, &search->units));
    STOA_TRY(stoa_allocate(allocator, info->maps, sizeof *search->counts, error, &search->counts));
    STOA_TRY(stoa_allocate(allocator, info->maps, sizeof *search->order, error, &search->order));
    STOA_TRY(stoa_allocate(allocator, pixels, sizeof *search->pixels, error, &search->pixels));
    return fill_sheet(search, sheet, error);
}

enum stoa_status stoa_deconv_strongest(struct stoa_deconv *deconv, const struct stoa_deconv_pictures *pictures,
                                       size_t maps, size_t top, struct stoa_error *error,
                                       struct stoa_deconv_sheet **out)
{
    struct sheet *sheet;
    struct search search = {.deconv = deconv, .pictures = pictures, .maps = maps, .top = top};
    STOA_TRY(stoa_show_place(out, "sheet", error));
    *out = NULL;
    if (!deconv || !pictures || !pictures->get)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "deconv, pictures or pictures->get is null");
    STOA_TRY(STOA_CHECK_RESERVED(pictures, "pictures", error));
    search.pictures = pictures;
    STOA_TRY(stoa_allocate(&deconv->allocator, 1, sizeof *sheet, error, &sheet));
    sheet->allocator = deconv->allocator;
    stoa_arena_init(&sheet->arena, &sheet->allocator);
    enum stoa_status status = make(&search, sheet, error);
    stoa_release(&sheet->allocator, search.units);
    stoa_release(&sheet->allocator, search.counts);
    stoa_release(&sheet->allocator, search.order);
    stoa_release(&sheet->allocator, search.pixels);
    if (status == STOA_OK)
        *out = &sheet->shown;
    else
        stoa_deconv_sheet_free(&sheet->shown);
    return status;
}

void stoa_deconv_sheet_free(struct stoa_deconv_sheet *shown)
{
    if (!shown)
        return;
    struct sheet *sheet = (struct sheet *)shown;
    struct stoa_allocator allocator = sheet->allocator;
    stoa_arena_deinit(&sheet->arena);
    stoa_release(&allocator, sheet);
}
