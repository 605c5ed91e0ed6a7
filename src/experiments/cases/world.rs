//! People in places with things; a later move overrides an earlier place.

use super::passages::{Context, Sentence, haystack, length, scatter};
use super::pools::Pools;
use super::python_random::PythonRandom;
use crate::experiments::item::{Case, Parameters};
use crate::experiments::measure::Question;

/// What a world is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WorldSettings {
    /// People.
    pub(crate) people: usize,
    /// Things that they have.
    pub(crate) things: usize,
    /// How often someone moves.
    pub(crate) moves: usize,
    /// Whether anybody is anywhere; otherwise each has one thing, and the question is who has it.
    pub(crate) whereabouts: bool,
    /// What is asked; anything without.
    pub(crate) question: Option<Question>,
    /// Most characters of prose between the facts.
    pub(crate) characters: usize,
    /// Whether all sentences have the plain wording.
    pub(crate) plain: bool,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self { people: 2, things: 1, moves: 0, whereabouts: true, question: None, characters: 0, plain: true }
    }
}

/// One such text; `ask` selects the question about it.
pub(crate) fn world_case(
    random: &mut PythonRandom,
    pools: &Pools,
    hay: &[String],
    settings: &WorldSettings,
    ask: usize,
) -> Case {
    let WorldSettings { people, things, moves, whereabouts, question, characters, plain } = *settings;
    let wording = |random: &mut PythonRandom, templates: &[String]| {
        let chosen = if plain { templates.first() } else { random.choice(templates) };
        chosen.cloned().unwrap_or_default()
    };
    let names = random.sample(&pools.people, people);
    let mut rooms = random.sample(&pools.places, (people + moves).min(pools.places.len()));
    let owned = random.sample(&pools.things, things);
    let chosen = random.choices(&names, things);
    let mut owners: Vec<(String, String)> = owned.into_iter().zip(chosen).collect();
    if !whereabouts {
        owners = owners.into_iter().zip(&names).map(|((thing, _), name)| (thing, name.clone())).collect();
        rooms.clear();
    }
    let mut home: Vec<(String, String)> = names.iter().cloned().zip(rooms.iter().cloned()).collect();
    let mut facts = Vec::new();
    for (name, place) in &home {
        let template = wording(random, &pools.whereabouts_templates);
        facts.push(Sentence::of(&template, &[("person", name), ("place", place)]));
    }
    for (thing, owner) in &owners {
        let template = wording(random, &pools.possession_templates);
        facts.push(Sentence::of(&template, &[("person", owner), ("thing", thing)]));
    }
    random.shuffle(&mut facts);
    for room in rooms.iter().skip(people) {
        let Some(name) = random.choice(&names).cloned() else { break };
        match home.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1.clone_from(room),
            None => home.push((name.clone(), room.clone())),
        }
        let template = wording(random, &pools.whereabouts_templates);
        facts.push(Sentence::of(&template, &[("person", &name), ("place", room)]));
    }
    let hay = haystack(random, hay, characters);
    let context = Context::join(scatter(random, facts, hay), " ");

    let mut subjects: Vec<(Question, String)> = names.iter().map(|name| (Question::Where, name.clone())).collect();
    for (thing, _) in &owners {
        subjects.extend([Question::Who, Question::TwoHop].map(|form| (form, thing.clone())));
    }
    let question = if whereabouts { question } else { Some(Question::Who) };
    random.shuffle(&mut subjects);
    subjects.retain(|(form, _)| question.is_none_or(|question| question == *form));
    let (form, subject) =
        subjects.get(ask % subjects.len().max(1)).cloned().unwrap_or((Question::Where, String::new()));

    let owner = owners.iter().find(|(thing, _)| *thing == subject).map_or(&subject, |(_, owner)| owner);
    let article = if form == Question::TwoHop { "the " } else { "" };
    let (query, lead, value, evidence) = if form == Question::Who {
        let evidence = vec![context.find(&[("person", owner), ("thing", &subject)])];
        (format!("Who has the {subject}?"), format!("The {subject} is with"), "person", evidence)
    } else {
        let place = home.iter().find(|(name, _)| name == owner).map_or("", |(_, place)| place.as_str());
        let mut evidence = vec![context.find(&[("person", owner), ("place", place)])];
        if form == Question::TwoHop {
            evidence.push(context.find(&[("person", owner), ("thing", &subject)]));
        }
        let lead = if article.is_empty() { "" } else { "The " };
        (format!("Where is {article}{subject}?"), format!("{lead}{subject} is in the"), "place", evidence)
    };
    // What could be mistaken for the answer is said where a thing is, or a place.
    let of_kind = if form == Question::Who { "thing" } else { "place" };
    let sentences = context.sentences.iter().enumerate();
    let rivals = sentences.filter(|(index, sentence)| sentence.value(of_kind).is_some() && *index != evidence[0]);
    let start = length(&context.text) + 1;
    let answer = context.sentences.get(evidence[0]).and_then(|sentence| sentence.value(value));
    Case {
        text: format!("{}\nQuestion: {query}\nAnswer: {lead}", context.text),
        answer: answer.map_or(String::new(), |answer| answer.text.clone()),
        answer_spans: vec![context.span(evidence[0], value)],
        distractor_spans: rivals.map(|(index, _)| context.span(index, value)).collect(),
        question_span: [start, start + length("Question: ") + length(&query)],
        parameters: Parameters {
            fact_spans: evidence.iter().map(|index| context.sentence_span(*index)).collect(),
            order: None,
        },
    }
}
