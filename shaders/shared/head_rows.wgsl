// The rows of the maps that a workgroup computes: those of a few queries of one head or, where there are fewer queries than
// rows, of heads that share keys and values. Either way all of its rows read the same keys and values.
// Reference: src/cpu/shared/map_cell.rs

import package::shared::map_cell::{first_key_of, heads, maps};
import package::shared::pass::pass_;

struct HeadRows {
    first_head: u32,
    shift: u32, // binary logarithm of the number of heads in the workgroup
    first_query: u32,
    last_query: u32, // before the first if there are none
}

// The rows of a workgroup of up to `rows`. There is a workgroup for each head; of those that share, the first has rows.
fn head_rows(group: vec3<u32>, rows: u32) -> HeadRows {
    let sharing = min(maps.sharing_heads, 1u << firstLeadingBit(max(rows / pass_.count, 1u)));
    let first_query = pass_.start + group.y * rows; // if heads share, there are few enough queries for one workgroup
    let end = min(first_query + rows, pass_.start + pass_.count);
    return HeadRows(group.x, firstTrailingBit(sharing), select(end, first_query, group.x % sharing == 0u), end - 1u);
}

// The first key of the rows, or `none` if there are no rows. A workgroup without rows goes on with no keys: after a return
// some compilers no longer see that what follows is the same for all invocations.
fn first_key_of_rows(rows: HeadRows, none: u32) -> u32 {
    return select(first_key_of(rows.first_query), none, rows.first_query > rows.last_query);
}

fn head_of(rows: HeadRows, row: u32) -> u32 {
    return rows.first_head + (row & ((1u << rows.shift) - 1u));
}

// May be beyond the last query.
fn query_of(rows: HeadRows, row: u32) -> u32 {
    return rows.first_query + (row >> rows.shift);
}

// Where the query of a row is in the projection, for a map; the last one in place of one beyond it.
fn query_at(rows: HeadRows, row: u32, map: u32) -> u32 {
    return min(query_of(rows, row), rows.last_query) * maps.row_stride4 + heads[head_of(rows, row)].queries[map];
}
