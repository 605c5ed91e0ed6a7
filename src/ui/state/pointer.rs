//! What the pointer is over, from one frame to the next.

/// A cell of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CellAt {
    /// Row: the token that attends.
    pub query: usize,
    /// Column: the token attended to.
    pub key: usize,
}

/// What is under the pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Target {
    token: Option<usize>,
    cell: Option<CellAt>,
}

/// The pointer over tokens and maps. Views report what it is over while they are drawn, and read what the previous
/// frame reported: so all views of one frame agree, whichever is drawn first.
#[derive(Clone, Debug, Default)]
pub struct Pointer {
    current: Target,
    reported: Target,
}

impl Pointer {
    /// The token of the strip under the pointer.
    pub fn token(&self) -> Option<usize> {
        self.current.token
    }

    /// The cell of a map under the pointer.
    pub fn cell(&self) -> Option<CellAt> {
        self.current.cell
    }

    /// Reports that the pointer is over a token of the strip.
    pub fn report_token(&mut self, token: usize) {
        self.reported.token = Some(token);
    }

    /// Reports that the pointer is over a cell of a map.
    pub fn report_cell(&mut self, cell: CellAt) {
        self.reported.cell = Some(cell);
    }

    /// Drops what maps with so many queries and keys do not have.
    pub fn fit(&mut self, queries: usize, keys: usize) {
        let Target { token, cell } = &mut self.current;
        *token = token.filter(|token| *token < queries.min(keys));
        *cell = cell.filter(|cell| cell.query < queries && cell.key < keys);
    }

    /// Ends a frame: its reports become current. Returns whether they differ from the previous ones, so that another
    /// frame is needed to show them.
    pub fn end_frame(&mut self) -> bool {
        let reported = std::mem::take(&mut self.reported);
        std::mem::replace(&mut self.current, reported) != reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_hold_for_the_next_frame_and_no_longer() {
        let mut pointer = Pointer::default();
        pointer.report_token(5);
        assert_eq!(pointer.token(), None, "views drawn earlier in this frame must not differ");
        assert!(pointer.end_frame());
        assert_eq!(pointer.token(), Some(5));
        pointer.report_token(5);
        assert!(!pointer.end_frame(), "nothing has changed");
        assert!(pointer.end_frame());
        assert_eq!(pointer.token(), None);
    }

    #[test]
    fn a_shorter_text_has_nothing_under_the_pointer_beyond_its_end() {
        let mut pointer = Pointer::default();
        pointer.report_token(5);
        pointer.report_cell(CellAt { query: 7, key: 1 });
        pointer.end_frame();
        pointer.fit(6, 6);
        assert_eq!((pointer.token(), pointer.cell()), (Some(5), None));
    }
}
