/* A session's network as a graph for Graphviz, in its language dot. */
#ifndef STOA_SHOW_NETWORK_H
#define STOA_SHOW_NETWORK_H

#include <stoa/session.h>
#include <stoa/status.h>

#include "show/text.h"

/* Writes a graph whose nodes are the steps of the session, with operators, name, output, parameters, multiply-adds and
 * the way of convolving; what is one step is one node, and what takes no step (views, and what is joined or split in
 * place) is drawn dashed. seconds (may be null) has a number for each step. The darker a node, the more of the time, or
 * without it of the multiply-adds, it takes. */
STOA_CHECKED enum stoa_status stoa_show_network(const struct stoa_session *session, const double *seconds,
                                                struct stoa_error *error, struct text *dot);

#endif
