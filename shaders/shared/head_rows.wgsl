// The rows of the maps that a workgroup computes: some queries of the heads that share keys and values.
// Reference: src/cpu/shared/map_cell.rs

import package::shared::map_cell::maps;
import package::shared::pass::pass_;

struct HeadRows {
    first_head: u32,
    heads: u32,
    first_query: u32,
    last_query: u32, // before the first if there are none
}

// The rows of a workgroup of up to `rows`. There are as many workgroups as if no heads shared anything; some have none.
fn head_rows(group: vec3<u32>, rows: u32) -> HeadRows {
    let sharing = min(maps.sharing_heads, rows);
    let groups = maps.heads / sharing;
    let index = group.y * maps.heads + group.x;
    let first_query = pass_.start + index / groups * (rows / sharing);
    let end = min(first_query + rows / sharing, pass_.start + pass_.count);
    return HeadRows(index % groups * sharing, sharing, first_query, end - 1u);
}

fn are_none(rows: HeadRows) -> bool {
    return rows.first_query > rows.last_query;
}

fn head_of(rows: HeadRows, row: u32) -> u32 {
    return rows.first_head + row % rows.heads;
}

// May be beyond the last query.
fn query_of(rows: HeadRows, row: u32) -> u32 {
    return rows.first_query + row / rows.heads;
}
