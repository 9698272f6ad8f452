/* Numbers as colours that the colour-blind can tell apart, too. */
#ifndef STOA_SHOW_COLOUR_H
#define STOA_SHOW_COLOUR_H

#include <stdint.h>

enum colour_map {
    COLOUR_GREY,      /* black to white */
    COLOUR_VIRIDIS,   /* dark violet to yellow, evenly brighter (van der Walt and Smith 2015) */
    COLOUR_DIVERGING, /* blue, white in the middle, red (RdBu of ColorBrewer, Harrower and Brewer 2003) */
};

/* rgb[3] <- the colour at `place`, from 0 to 1; places beyond are taken as the nearest end, NaN as pink. */
void stoa_colour_at(enum colour_map map, double place, uint8_t *rgb);

#endif
