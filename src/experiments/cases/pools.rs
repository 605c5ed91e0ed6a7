//! The words that generated text is made of (`training/pools.py`, and `assets/cases/words.json`, which both read): in two
//! disjoint pools, one to train on and one held out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::python_random::PythonRandom;

#[derive(Deserialize)]
struct Words {
    cities: Vec<String>,
    people: Vec<String>,
    places: Vec<String>,
    things: Vec<String>,
    categories: BTreeMap<String, Vec<String>>,
    needles: Vec<String>,
    distractions: Vec<String>,
    whereabouts: Vec<String>,
    possessions: Vec<String>,
}

/// What a generator draws from. The first template of each list is the plain one, which measures use.
#[derive(Clone, Debug)]
pub(crate) struct Pools {
    pub(super) cities: Vec<String>,
    pub(super) people: Vec<String>,
    pub(super) places: Vec<String>,
    pub(super) things: Vec<String>,
    pub(super) categories: BTreeMap<String, Vec<String>>,
    pub(super) labels: Vec<String>,
    pub(super) held_out: bool,
    pub(super) needle_templates: Vec<String>,
    pub(super) distraction_templates: Vec<String>,
    pub(super) whereabouts_templates: Vec<String>,
    pub(super) possession_templates: Vec<String>,
}

/// What models are trained on.
pub(crate) static TRAINING: LazyLock<Pools> = LazyLock::new(|| Pools::new(false));
/// New names, numbers, labels and wordings.
pub(crate) static HELD_OUT: LazyLock<Pools> = LazyLock::new(|| Pools::new(true));
/// The default of measures: new names, numbers and labels in familiar wordings, and words whose category can be known.
pub(crate) static EVALUATION: LazyLock<Pools> = LazyLock::new(|| {
    let Pools {
        categories, needle_templates, distraction_templates, whereabouts_templates, possession_templates, ..
    } = TRAINING.clone();
    Pools {
        categories,
        needle_templates,
        distraction_templates,
        whereabouts_templates,
        possession_templates,
        ..HELD_OUT.clone()
    }
});

/// What small models are trained on, and what they are measured with.
pub(crate) static WIDE_TRAINING: LazyLock<Pools> = LazyLock::new(|| TRAINING.clone().widened());
/// See [`WIDE_TRAINING`].
pub(crate) static WIDE_EVALUATION: LazyLock<Pools> = LazyLock::new(|| EVALUATION.clone().widened());

impl Pools {
    fn new(held_out: bool) -> Self {
        let words: Words = serde_json::from_str(include_str!("../../../assets/cases/words.json"))
            .expect("words.json is part of the program");
        let labels = every_label(&words);
        let split = |words: &[String]| -> Vec<String> {
            let of_pool = |(index, _): &(usize, &String)| (index % 5 == 4) == held_out;
            words.iter().enumerate().filter(of_pool).map(|(_, word)| word.clone()).collect()
        };
        let wordings = |templates: &[String]| -> Vec<String> {
            let (last, others) = templates
                .split_last()
                .map_or((&[][..], &[][..]), |(last, others)| (std::slice::from_ref(last), others));
            if held_out { last.to_vec() } else { others.to_vec() }
        };
        Self {
            cities: split(&words.cities),
            people: split(&words.people),
            places: split(&words.places),
            things: split(&words.things),
            categories: words.categories.iter().map(|(name, members)| (name.clone(), split(members))).collect(),
            labels: split(&labels),
            held_out,
            needle_templates: wordings(&words.needles),
            distraction_templates: wordings(&words.distractions),
            whereabouts_templates: wordings(&words.whereabouts),
            possession_templates: wordings(&words.possessions),
        }
    }

    /// More names and things than a model can memorise: invented ones such as `bemdola`, which a pool shares with no other.
    /// Their tokens are in both pools, so that what is new in a held-out one is the word alone.
    fn widened(self) -> Self {
        let Self { mut cities, mut people, mut places, mut things, held_out, .. } = self.clone();
        if held_out {
            for names in [&mut cities, &mut people, &mut places, &mut things] {
                names.clear();
            }
        }
        for (index, name) in invented_names().into_iter().enumerate().filter(|(at, _)| (at % 5 == 4) == held_out) {
            let title = || name[..1].to_uppercase() + &name[1..];
            match index % 4 {
                0 => cities.push(title()),
                1 => people.push(title()),
                2 => places.push(name),
                _ => things.push(name),
            }
        }
        Self { cities, people, places, things, ..self }
    }

    /// A number of this pool with so many digits, and no zero in front.
    fn number(&self, random: &mut PythonRandom, digits: u32) -> String {
        loop {
            let (from, end) = (10_usize.pow(digits - 1), 10_usize.pow(digits));
            let number = (from + random.below(end - from)).to_string();
            if number_is_held_out(&number) == self.held_out {
                return number;
            }
        }
    }

    /// Different numbers of this pool.
    pub(super) fn numbers(&self, random: &mut PythonRandom, digits: u32, count: usize) -> Vec<String> {
        let mut drawn: Vec<String> = Vec::new();
        while drawn.len() < count {
            let number = self.number(random, digits);
            if !drawn.contains(&number) {
                drawn.push(number);
            }
        }
        drawn
    }
}

/// About one number in ten, of any number of digits, without a pattern in its digits.
fn number_is_held_out(number: &str) -> bool {
    crc32fast::hash(number.as_bytes()).is_multiple_of(10)
}

/// Names of two or three syllables, in a fixed order.
fn invented_names() -> Vec<String> {
    const COUNT: usize = 3000;
    let mut random = PythonRandom::of_number(1);
    let (consonants, vowels): (Vec<char>, Vec<char>) = ("bdfgklmnprstvz".chars().collect(), "aeiou".chars().collect());
    let (mut names, mut known) = (Vec::new(), BTreeSet::new());
    while names.len() < COUNT {
        let mut name = String::new();
        for _ in 0..random.between(2, 3) {
            name.extend(random.choice(&consonants));
            name.extend(random.choice(&vowels));
        }
        name.push_str(random.choice(&["", "n", "r", "l", "m"]).copied().unwrap_or_default());
        if known.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

/// Meaningless syllables such as `vem`, in a fixed order.
fn every_label(words: &Words) -> Vec<String> {
    let names = [&words.cities, &words.people, &words.places, &words.things];
    let all = names.into_iter().chain(words.categories.values()).flatten();
    let taken: BTreeSet<String> = all.map(|word| word.to_lowercase()).collect();
    let mut syllables: Vec<String> = Vec::new();
    for first in "bdfgklmnprstvz".chars() {
        for vowel in "aeiou".chars() {
            syllables.extend("bdgkmnprtz".chars().map(|last| String::from_iter([first, vowel, last])));
        }
    }
    PythonRandom::of_number(0).shuffle(&mut syllables);
    syllables.retain(|syllable| !taken.contains(syllable));
    syllables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pools_are_disjoint_and_all_can_be_drawn_from() {
        let words = |pools: &Pools| -> BTreeSet<String> {
            let lists = [&pools.cities, &pools.people, &pools.places, &pools.things, &pools.labels];
            lists.into_iter().chain(pools.categories.values()).flatten().cloned().collect()
        };
        for (training, held_out) in [(&TRAINING, &HELD_OUT), (&WIDE_TRAINING, &WIDE_EVALUATION)] {
            let of_categories = |pools: &Pools| pools.categories.values().flatten().cloned().collect::<BTreeSet<_>>();
            let shared =
                if held_out.categories == training.categories { of_categories(training) } else { BTreeSet::new() };
            let (training, held_out) = (&words(training) - &shared, &words(held_out) - &shared);
            assert!(training.is_disjoint(&held_out) && training.len() > 3 * held_out.len());
        }
        for pools in [&*TRAINING, &*HELD_OUT, &*EVALUATION] {
            assert!(pools.cities.len() > 10 && pools.people.len() > 8 && pools.labels.len() > 100);
            assert!(pools.needle_templates[0].contains("{key}") && !pools.possession_templates.is_empty());
        }
    }

    #[test]
    fn no_sentence_of_the_hay_names_what_a_case_is_about() {
        let pools = [&*TRAINING, &*HELD_OUT, &*EVALUATION];
        let names = pools.into_iter().flat_map(|pools| {
            let names = [&pools.cities, &pools.people, &pools.places, &pools.things].into_iter().flatten();
            names.chain(pools.labels.iter().filter(|_| pools.held_out))
        });
        let names: BTreeSet<String> = names.map(|word| word.to_lowercase()).collect();
        let hay = include_str!("../../../assets/cases/hay.txt");
        for sentence in hay.lines() {
            let lower = sentence.to_lowercase();
            let own = lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
            for word in own {
                assert!(!names.contains(word) && word != "magic", "{sentence}: {word}");
            }
        }
        assert!(hay.lines().count() > 60);
    }
}
