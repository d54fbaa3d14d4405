/* SPDX-License-Identifier: Apache-2.0
 *
 * Which input of a child stands at which place of V, Winograd's transformed inputs. Places are
 * inputs, but where a large parent is repeated: there, those inputs are next to each other that are
 * made of the same parent rows, RNM_PIECE at a time, so that the rows come from memory once and
 * then from the nearest cache. Places 0, 16, 32 and on hold inputs 0, pi, 2 pi and on; behind the
 * last of these are 16, pi + 16 and on. Sums are made in the order of places, which the child alone
 * decides. A run of places is an rnm_panel, whose input and inputs are the first place and their
 * number. And which panel stands at which place of those that share the rows.
 */
#ifndef RNM_PLACES_H
#define RNM_PLACES_H

#include "conv.h"

/* Inputs that always stay together. */
#define RNM_PIECE RNM_INPUT_BLOCK

/* Floats of a parent that is not to be read over and over: a second-level cache. */
#define RNM_LARGE_PARENT (1u << 18)

/* How often a parent is repeated whose inputs are gathered; 1 where places are inputs. */
static inline uint32_t rnm_gathered_repeats(const rnm_child *child) {
    const bool gathered = child->pi < child->ci && child->ci % child->pi == 0 &&
                          child->pi % RNM_PIECE == 0 &&
                          (uint64_t)child->pi * child->taps * child->po >= RNM_LARGE_PARENT;
    return gathered ? child->ci / child->pi : 1;
}

/* The first ones of places, `most` of them or all there are. */
static inline rnm_panel rnm_places_first(rnm_panel places, uint32_t most) {
    places.inputs = places.inputs < most ? places.inputs : most;
    return places;
}

/* Places without the first ones. */
static inline rnm_panel rnm_places_behind(rnm_panel places, uint32_t first) {
    places.input += first;
    places.inputs -= first;
    return places;
}

/* The child's inputs at the first of these places, as many as follow one another. */
static inline rnm_panel rnm_piece_at(const rnm_child *child, uint32_t repeats, rnm_panel places) {
    if (repeats == 1) {
        return places;
    }
    const uint32_t index = places.input / RNM_PIECE;
    places.input = index % repeats * child->pi + index / repeats * RNM_PIECE;
    return rnm_places_first(places, RNM_PIECE);
}

/* What is to be asked of memory while that piece is worked on: this piece's part of the parent rows
 * that the pieces behind its repeats begin with; no inputs where nothing is. */
static inline rnm_panel rnm_piece_soon(const rnm_child *child, uint32_t repeats, rnm_panel piece) {
    rnm_panel soon = {.output = piece.output, .lanes = piece.lanes};
    if (repeats > 1) {
        const uint32_t repeat = piece.input / child->pi;
        const uint32_t next = piece.input - repeat * child->pi + RNM_PIECE;
        soon.input = next + RNM_PIECE * repeat / repeats;
        soon.inputs = next < child->pi ? next + RNM_PIECE * (repeat + 1) / repeats - soon.input : 0;
    }
    return soon;
}

/* The panel at a place in an order in which those that repeat a column of the parent's panels
 * follow one another. */
static inline uint32_t rnm_panel_at(const rnm_weight *weight, uint32_t place) {
    const uint32_t columns = weight->child.po / RNM_PANEL;
    if (columns * RNM_PANEL != weight->child.po || weight->panel_count % columns != 0) {
        return place;
    }
    const uint32_t repeats = weight->panel_count / columns;
    return place % repeats * columns + place / repeats;
}

#endif
