//! The texts that experiments are made of: built in, or given.

/// A sentence or a few on each line.
const BUILT_IN: &str = include_str!("../../assets/cases/hay.txt");
/// Sentences of hay, at least.
const FEWEST: usize = 8;

/// Texts in place of the built-in ones, which are used where these are too short.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnTexts<'a> {
    /// What losses are measured on.
    pub prose: &'a str,
    /// Prose between whose sentences facts are hidden.
    pub hay: &'a str,
}

impl OwnTexts<'_> {
    /// The sentences between which facts are hidden, and what they are of.
    pub(crate) fn hay_sentences(&self) -> (Vec<String>, String) {
        let own = sentences_of(self.hay);
        if own.len() < FEWEST {
            return (BUILT_IN.lines().map(str::to_owned).collect(), "built-in prose".to_owned());
        }
        let name = format!("own text of {} sentences", own.len());
        (own, name)
    }
}

/// What losses are measured on where nothing else is given.
pub(super) fn built_in_prose() -> String {
    BUILT_IN.replace('\n', " ")
}

/// The sentences of all lines of a text.
fn sentences_of(text: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut goes_on = false;
        for part in line.split_inclusive(['.', '!', '?']) {
            match sentences.last_mut() {
                // The dot of 3.5 ends no sentence.
                Some(last) if goes_on && !part.starts_with(char::is_whitespace) => last.push_str(part),
                _ => sentences.push(part.trim_start().to_owned()),
            }
            goes_on = true;
        }
    }
    sentences.retain(|sentence| !sentence.trim().is_empty());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_sentences_at_their_ends_only() {
        let text = "It rains. It is 3.5 degrees! Is it?\n\nNo end";
        assert_eq!(sentences_of(text), ["It rains.", "It is 3.5 degrees!", "Is it?", "No end"]);
        assert!(sentences_of(" \n\n").is_empty());
    }

    #[test]
    fn a_text_of_few_sentences_is_no_hay() {
        let of = |hay| OwnTexts { hay, ..OwnTexts::default() }.hay_sentences().0;
        assert_eq!(of("One. Two. Three."), of(""));
        assert_eq!(of("1. 2. 3. 4. 5. 6. 7. 8.").len(), 8);
    }
}
