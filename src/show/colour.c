/* Colour maps as control points with straight lines between them. */
#include "show/colour.h"

#include <math.h>
#include <stddef.h>

static const uint8_t grey[][3] = {{0, 0, 0}, {255, 255, 255}};

/* Each sixteenth of viridis. */
static const uint8_t viridis[][3] = {
    {68, 1, 84},    {72, 24, 106},  {71, 45, 123},  {66, 64, 134},  {59, 82, 139},  {51, 99, 141},
    {44, 114, 142}, {38, 130, 142}, {33, 145, 140}, {31, 160, 136}, {40, 174, 128}, {63, 188, 115},
    {94, 201, 98},  {132, 212, 75}, {173, 220, 48}, {216, 226, 25}, {253, 231, 37},
};

static const uint8_t diverging[][3] = {
    {5, 48, 97},     {33, 102, 172},  {67, 147, 195}, {146, 197, 222}, {209, 229, 240}, {247, 247, 247},
    {253, 219, 199}, {244, 165, 130}, {214, 96, 77},  {178, 24, 43},   {103, 0, 31},
};

static const struct {
    const uint8_t (*points)[3];
    size_t count;
} maps[] = {
    [COLOUR_GREY] = {grey, sizeof grey / sizeof *grey},
    [COLOUR_VIRIDIS] = {viridis, sizeof viridis / sizeof *viridis},
    [COLOUR_DIVERGING] = {diverging, sizeof diverging / sizeof *diverging},
};

void stoa_colour_at(enum colour_map map, double place, uint8_t *rgb)
{
    static const uint8_t pink[3] = {255, 0, 255};
    double at = fmin(fmax(place, 0), 1) * (double)(maps[map].count - 1);
    size_t below = (size_t)at < maps[map].count - 1 ? (size_t)at : maps[map].count - 2;
    for (size_t c = 0; c < 3; c++) {
        double low = maps[map].points[below][c], high = maps[map].points[below + 1][c];
        rgb[c] = isnan(place) ? pink[c] : (uint8_t)lround(low + (high - low) * (at - (double)below));
    }
}
