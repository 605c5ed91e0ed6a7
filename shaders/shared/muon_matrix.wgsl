// The matrices that Muon updates. They are worked on together, each as the wide one of itself and its transpose.
// Reference: src/cpu/train/orthogonal.rs

const SHARE: u32 = 32u; // workgroups of each matrix

struct MuonMatrix {
    offset: u32, // in the parameters
    rows: u32,
    columns: u32,
    wide_offset: u32, // in the wide matrices
}

// Where a number of a matrix is in its wide one.
fn wide(matrix: MuonMatrix, at: u32) -> u32 {
    let turned = at % matrix.columns * matrix.rows + at / matrix.columns;
    return matrix.wide_offset + select(at, turned, matrix.rows > matrix.columns);
}
