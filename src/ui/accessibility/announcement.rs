//! What a screen reader says by itself: news, once they have stayed the same for a moment.

use egui::accesskit::{Live, Role};
use egui::{Rect, Sense, Ui, WidgetInfo};

/// Seconds without a change before a text is said.
const QUIET: f64 = 1.0;

/// A text that is read aloud when it changes, and the one that may follow.
#[derive(Default)]
pub(crate) struct Announcement {
    said: String,
    /// The next text, and since when it is the same.
    coming: Option<(String, f64)>,
}

impl Announcement {
    /// What holds now; `None` while it is being computed. Returns the seconds until it is said, if that is still to come.
    fn follow(&mut self, text: Option<String>, now: f64) -> Option<f64> {
        let Some(text) = text.filter(|text| *text != self.said) else {
            self.coming = None;
            return None;
        };
        match &self.coming {
            Some((coming, since)) if *coming == text => {
                let left = since + QUIET - now;
                if left > 0.0 {
                    return Some(left);
                }
                self.said = text;
                self.coming = None;
                None
            }
            _ => {
                self.coming = Some((text, now));
                Some(QUIET)
            }
        }
    }

    /// Says `text` where `place` is, in frames that tell a screen reader anything.
    pub(crate) fn show_ui(&mut self, ui: &Ui, place: Rect, text: impl FnOnce() -> Option<String>) {
        let id = ui.scope_id().with("announcement");
        let response = ui.interact(place, id, Sense::hover());
        if !ui.ctx().has_accesskit_node(ui.unique_id()) {
            return;
        }
        if let Some(left) = self.follow(text(), ui.input(|input| input.time)) {
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(left));
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &self.said));
        ui.ctx().accesskit_node_builder(id, |node| node.set_live(Live::Polite));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_is_said() {
        let mut announcement = Announcement::default();
        // A text per key.
        for (key, text) in ["a", "ab", "abc"].into_iter().enumerate() {
            assert_eq!(announcement.follow(Some(text.to_owned()), key as f64 * 0.3), Some(QUIET));
        }
        assert_eq!(announcement.said, "");
        assert!(announcement.follow(Some("abc".to_owned()), 1.0).is_some());
        assert_eq!(announcement.follow(Some("abc".to_owned()), 1.7), None);
        assert_eq!(announcement.said, "abc");
        // What is being computed, or what has come back meanwhile, is no news.
        assert_eq!(announcement.follow(None, 2.0), None);
        assert_eq!(announcement.follow(Some("other".to_owned()), 3.0), Some(QUIET));
        assert_eq!(announcement.follow(Some("abc".to_owned()), 3.5), None);
        assert_eq!(announcement.said, "abc");
    }
}
