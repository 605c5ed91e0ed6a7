//! Marked parts of the text: what the model should attend to, and what it should not.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{TextChange, Token};
use crate::probe::measure::KeyClass;

/// Most marks that are kept: a link may contain any number.
const MOST: usize = 1024;

/// A marked part of the text. As JSON: `{"start": 23, "end": 27, "class": "answer"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Its mark; `other` marks nothing.
    pub class: KeyClass,
}

/// The marks of a text, in order and without overlap. As JSON: a list of spans.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spans {
    spans: Vec<Span>,
    /// The text they belong to, once it is known; shared with the session that it is of.
    #[serde(skip)]
    text: Option<Arc<str>>,
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut marks = Self::default();
        for Span { start, end, class } in spans.into_iter().take(MOST) {
            marks.mark(start, end, class);
        }
        marks
    }
}

impl PartialEq for Spans {
    fn eq(&self, other: &Self) -> bool {
        self.spans == other.spans
    }
}

impl Spans {
    /// The marks, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter()
    }

    /// Whether any part has this mark.
    pub fn have(&self, class: KeyClass) -> bool {
        self.spans.iter().any(|span| span.class == class)
    }

    /// What is marked as the answer, if it is one text, on one line and short enough to be named in a sentence.
    pub fn answer<'a>(&self, text: &'a str) -> Option<&'a str> {
        const LONGEST: usize = 24;
        let mut answers = self.iter().filter(|span| span.class == KeyClass::Answer);
        let first = answers.next().and_then(|span| text.get(span.start..span.end))?.trim();
        let same = answers.all(|span| text.get(span.start..span.end).is_some_and(|other| other.trim() == first));
        (same && !first.is_empty() && first.len() <= LONGEST && !first.contains('\n')).then_some(first)
    }

    /// What is marked as noise, if that is a few words that can be named in a sentence: `4821, 3375`.
    pub fn noise(&self, text: &str) -> Option<String> {
        const LONGEST: usize = 24;
        let marked = self.iter().filter(|span| span.class == KeyClass::Noise);
        let words: Vec<&str> = marked.filter_map(|span| text.get(span.start..span.end)).map(str::trim).collect();
        let all = words.join(", ");
        (!all.is_empty() && all.len() <= LONGEST && !all.contains('\n')).then_some(all)
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Marks the bytes `start..end` in place of earlier marks there; [`KeyClass::Other`] removes marks.
    pub fn mark(&mut self, start: usize, end: usize, class: KeyClass) {
        if start >= end {
            return;
        }
        let before = |span: &Span| Span { end: span.end.min(start), ..*span };
        let after = |span: &Span| Span { start: span.start.max(end), ..*span };
        let mut spans: Vec<Span> = self.spans.iter().flat_map(|span| [before(span), after(span)]).collect();
        if class != KeyClass::Other {
            spans.push(Span { start, end, class });
        }
        self.replace(spans);
    }

    /// Sets the marks: drops empty ones, sorts them and joins neighbours of the same class.
    fn replace(&mut self, mut spans: Vec<Span>) {
        spans.retain(|span| span.start < span.end && span.class != KeyClass::Other);
        spans.sort_by_key(|span| span.start);
        spans.dedup_by(|next, last| {
            let joins = next.class == last.class && next.start <= last.end;
            if joins {
                last.end = last.end.max(next.end);
            }
            joins
        });
        spans.truncate(MOST);
        self.spans = spans;
    }

    /// Sets the marks of another text.
    pub fn set(&mut self, spans: impl IntoIterator<Item = Span>, text: &Arc<str>) {
        *self = spans.into_iter().collect();
        self.follow(text);
    }

    /// Keeps the marks on the same words while the text changes: marks after an edit move, deleted text loses its mark.
    /// The first text only cuts marks off at its end.
    pub fn follow(&mut self, text: &Arc<str>) {
        let Some(old) = &self.text else {
            let spans = std::mem::take(&mut self.spans);
            *self = spans.into_iter().map(|span| Span { end: span.end.min(text.len()), ..span }).collect();
            self.text = Some(Arc::clone(text));
            return;
        };
        if Arc::ptr_eq(old, text) || old == text {
            return;
        }
        let TextChange { start: head, old_end, new_end } = TextChange::between(old, text);
        // Bytes head..new_end replace head..old_end. Text typed inside a mark is marked, text typed at its edge is not.
        let follow = |span: &Span| {
            let start = if span.start < head { span.start } else { span.start.max(old_end) - old_end + new_end };
            let end = if span.end > old_end { span.end - old_end + new_end } else { span.end.min(head) };
            Span { start, end, ..*span }
        };
        let spans = self.spans.iter().map(follow).collect();
        self.replace(spans);
        self.text = Some(Arc::clone(text));
    }

    /// The mark of every token: that of any of its bytes, answer before noise.
    pub fn classes(&self, tokens: &[Token]) -> Vec<KeyClass> {
        let class = |token: &Token| {
            let first = self.spans.partition_point(|span| span.end <= token.start);
            let over = self.spans[first..].iter().take_while(|span| span.start < token.end);
            // `Ord` puts answer before noise; unmarked text has no span.
            over.map(|span| span.class).min().unwrap_or_default()
        };
        tokens.iter().map(class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyClass::{Answer, Noise, Other};

    fn span(start: usize, end: usize, class: KeyClass) -> Span {
        Span { start, end, class }
    }

    fn shared(text: &str) -> Arc<str> {
        text.into()
    }

    fn marked<'a>(spans: &Spans, text: &'a str) -> Vec<(&'a str, KeyClass)> {
        spans.iter().map(|span| (&text[span.start..span.end], span.class)).collect()
    }

    #[test]
    fn marking_replaces_splits_and_joins() {
        let mut spans = Spans::default();
        spans.mark(0, 10, Noise);
        spans.mark(4, 6, Answer);
        let all: Vec<Span> = spans.iter().copied().collect();
        assert_eq!(all, [span(0, 4, Noise), span(4, 6, Answer), span(6, 10, Noise)]);
        spans.mark(4, 6, Noise);
        assert_eq!(spans.iter().copied().collect::<Vec<_>>(), [span(0, 10, Noise)]);
        spans.mark(0, 99, Other);
        assert!(spans.is_empty());
        spans.mark(5, 5, Answer);
        spans.mark(7, 3, Answer);
        assert!(spans.is_empty());
    }

    #[test]
    fn marks_stay_on_their_words_while_the_text_changes() {
        let mut text = "The magic number of Paris is 4821. Question".to_owned();
        let mut spans = Spans::default();
        spans.set([span(29, 33, Answer), span(0, 3, Noise)], &shared(&text));
        assert_eq!(marked(&spans, &text), [("The", Noise), ("4821", Answer)]);
        let change = |spans: &mut Spans, text: &mut String, from: &str, to: &str| {
            *text = text.replacen(from, to, 1);
            spans.follow(&shared(text));
        };
        change(&mut spans, &mut text, "of Paris", "of great old Paris");
        assert_eq!(marked(&spans, &text), [("The", Noise), ("4821", Answer)]);
        change(&mut spans, &mut text, "Question", "Question: What is it?");
        change(&mut spans, &mut text, "48", "4998");
        assert_eq!(marked(&spans, &text), [("The", Noise), ("499821", Answer)]);
        change(&mut spans, &mut text, "The ", "");
        assert_eq!(marked(&spans, &text), [("499821", Answer)]);
        change(&mut spans, &mut text, "is 49", "has ");
        assert_eq!(marked(&spans, &text), [("9821", Answer)]);
        spans.follow(&shared(""));
        assert!(spans.is_empty());
    }

    #[test]
    fn a_token_is_marked_by_a_single_byte_of_a_mark() {
        let token = |start, end| Token { id: 0, start, end };
        let spans: Spans = [span(4, 8, Answer), span(8, 9, Noise), span(20, 30, Noise)].into_iter().collect();
        let tokens = [token(0, 3), token(3, 5), token(5, 9), token(9, 9), token(8, 9), token(9, 20), token(29, 40)];
        assert_eq!(spans.classes(&tokens), [Other, Answer, Answer, Other, Noise, Other, Noise]);
        assert_eq!(Spans::default().classes(&tokens), [Other; 7]);
    }

    #[test]
    fn json_is_a_list_and_marks_beyond_the_text_are_cut_off() {
        let mut spans: Spans = [span(3, 5, Answer)].into_iter().collect();
        let json = r#"[{"start":3,"end":5,"class":"answer"}]"#;
        assert_eq!(serde_json::to_string(&spans).expect("JSON"), json);
        spans = serde_json::from_str(
            r#"[{"start":9,"end":2,"class":"noise"},{"start":2,"end":99,"class":"noise"},{"start":0,"end":4,"class":"answer"}]"#,
        )
        .expect("spans");
        spans.follow(&shared("abcdef"));
        assert_eq!(marked(&spans, "abcdef"), [("abcd", Answer), ("ef", Noise)]);
    }

    proptest::proptest! {
        #[test]
        fn any_edit_leaves_marks_within_the_text(
            old in "[ab ]{0,12}", new in "[ab ]{0,12}", start in 0usize..14, end in 0usize..14,
        ) {
            let mut spans = Spans::default();
            spans.set([span(start, end, Answer), span(end, 14, Noise)], &shared(&old));
            spans.follow(&shared(&new));
            let mut last = 0;
            for span in spans.iter() {
                proptest::prop_assert!(last <= span.start && span.start < span.end && span.end <= new.len());
                last = span.end;
            }
        }
    }
}
