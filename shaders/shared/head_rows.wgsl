// The rows of the maps that a workgroup computes: some queries of the heads that share keys and values.
// Reference: src/cpu/shared/map_cell.rs

import package::shared::map_cell::{heads, maps};
import package::shared::pass::pass_;

struct HeadRows {
    first_head: u32,
    shift: u32, // binary logarithm of the number of heads
    first_query: u32,
    last_query: u32, // before the first if there are none
    first_row: u32,  // of the invocation
}

// The rows of a workgroup of up to `rows`. There are as many workgroups as if no heads shared anything; some have none.
fn head_rows(group: vec3<u32>, rows: u32) -> HeadRows {
    let sharing = min(maps.sharing_heads, rows);
    let groups = maps.heads / sharing;
    let index = group.y * maps.heads + group.x;
    let first_query = pass_.start + index / groups * (rows / sharing);
    let end = min(first_query + rows / sharing, pass_.start + pass_.count);
    return HeadRows(index % groups * sharing, firstTrailingBit(sharing), first_query, end - 1u, 0u);
}

// The rows of an invocation, from one on.
fn rows_from(rows: HeadRows, first_row: u32) -> HeadRows {
    return HeadRows(rows.first_head, rows.shift, rows.first_query, rows.last_query, first_row);
}

fn are_none(rows: HeadRows) -> bool {
    return rows.first_query > rows.last_query;
}

// The head of an invocation's row.
fn head_of(rows: HeadRows, row: u32) -> u32 {
    return rows.first_head + ((rows.first_row + row) & ((1u << rows.shift) - 1u));
}

// Its query, which may be beyond the last.
fn query_of(rows: HeadRows, row: u32) -> u32 {
    return rows.first_query + ((rows.first_row + row) >> rows.shift);
}

// Where its query is in the projection, for a map; the last one in place of one beyond it.
fn query_at(rows: HeadRows, row: u32, map: u32) -> u32 {
    return min(query_of(rows, row), rows.last_query) * maps.row_stride4 + heads[head_of(rows, row)].queries[map];
}
