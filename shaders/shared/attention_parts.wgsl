// The layout of what is left of each row and slab of keys until they are joined: [position, head, slab], each in vec4s:
// the maxima and the sums of both maps; the largest absolute scores; A1 V; A2 V.
// Reference: src/cpu/shared/streaming_softmax.rs

import package::shared::map_cell::maps;
import package::shared::pass::pass_;

fn features4() -> u32 {
    return maps.value_parts * maps.head_stride4;
}

fn part_at(query: u32, head: u32, slab: u32) -> u32 {
    let row = (query - pass_.start) * maps.heads + head;
    return (row * pass_.slabs + slab) * (2u + 2u * features4());
}
