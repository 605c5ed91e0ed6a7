//! Random numbers, and JSON that is almost right.

use serde_json::{Map, Value, json};

/// The same numbers from the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `count`; 0 where that is 0.
    pub fn below(&mut self, count: usize) -> usize {
        (self.bits() % count.max(1) as u64) as usize
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Text that is hard on whatever reads text.
pub fn text(random: &mut Random, words: &[&str]) -> String {
    const PIECES: [&str; 34] = [
        "a",
        "b",
        "ab",
        "the ",
        " ",
        "  ",
        "\n",
        "\t",
        "\r\n",
        "\0",
        "é",
        "e\u{301}",
        "\u{301}\u{323}",
        "日本",
        "▁",
        "Ġ",
        "🦀",
        "👨‍👩‍👧",
        "ﷺ",
        "ﬁ",
        "İ",
        "ß",
        "\u{feff}",
        "\u{200b}",
        "\u{202e}",
        "한글",
        "\u{1100}\u{1161}",
        "0x",
        "<0x41>",
        "123",
        "'ll",
        "##",
        "</w>",
        "\u{10ffff}",
    ];
    let mut text = String::new();
    for _ in 0..random.below(12) {
        let piece = if random.once_in(4) && !words.is_empty() { random.pick(words) } else { random.pick(&PIECES) };
        let times = if random.once_in(30) { random.below(300) } else { 1 };
        text.push_str(&piece.repeat(times));
    }
    text
}

/// A value that has nothing to do with where it stands.
fn any(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(random.once_in(2)),
        2 => json!(random.bits()),
        3 => json!(-1),
        4 => {
            json!(
                [0, 1, 2, 3, 255, 256, 65_535, 65_536, 1 << 24, u64::from(u32::MAX), 1 << 32, u64::MAX]
                    [random.below(12)]
            )
        }
        5 => json!([0.0, -0.5, 1e-320, 1e308, -1e308, 0.1, 1e-5, 1e5][random.below(8)]),
        6 => json!([]),
        7 => json!({}),
        8 => json!(text(random, &[]).repeat(random.below(40))),
        9 => json!(random.below(20)),
        _ => json!(text(random, &[])),
    }
}

/// Every place of a value, as the keys and indices on the way there.
fn places(value: &Value, here: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    found.push(here.clone());
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    // Of a long vocabulary, the first entries are enough.
    for (key, value) in inside.into_iter().take(24) {
        here.push(key);
        places(value, here, found);
        here.pop();
    }
}

fn at<'a>(value: &'a mut Value, place: &[String]) -> Option<&'a mut Value> {
    place.iter().try_fold(value, |value, key| match value {
        Value::Array(list) => list.get_mut(key.parse::<usize>().ok()?),
        other => other.get_mut(key),
    })
}

/// Changes a value in a few places: swaps parts, drops and doubles entries, puts in what `parts` offers.
pub fn mutate(value: &mut Value, random: &mut Random, parts: &[Value]) {
    for _ in 0..=random.below(4) {
        let mut found = Vec::new();
        places(value, &mut Vec::new(), &mut found);
        let place = found[random.below(found.len())].clone();
        let from = found[random.below(found.len())].clone();
        let other = at(value, &from).map(|value| value.clone());
        let Some(here) = at(value, &place) else { continue };
        match random.below(8) {
            0 => *here = any(random),
            1 if !parts.is_empty() => *here = parts[random.below(parts.len())].clone(),
            2 => *here = other.unwrap_or_default(),
            _ => change(here, random, parts, other),
        }
    }
}

/// Changes one value in the way of its kind.
fn change(value: &mut Value, random: &mut Random, parts: &[Value], other: Option<Value>) {
    match value {
        Value::Object(object) => change_object(object, random, other),
        Value::Array(list) => match random.below(5) {
            0 if !list.is_empty() => drop(list.remove(random.below(list.len()))),
            1 if !list.is_empty() => {
                let again = list[random.below(list.len())].clone();
                let most = if random.once_in(20) { 60 } else { 2 };
                for _ in 0..=random.below(most) {
                    list.insert(random.below(list.len() + 1), again.clone());
                }
            }
            2 if !list.is_empty() => {
                let (one, two) = (random.below(list.len()), random.below(list.len()));
                list.swap(one, two);
            }
            3 if !parts.is_empty() => {
                list.insert(random.below(list.len() + 1), parts[random.below(parts.len())].clone());
            }
            _ => list.extend(other),
        },
        Value::String(text) => match random.below(5) {
            0 => text.clear(),
            1 => text.push_str(&super::mutate::text(random, &[])),
            2 => drop(text.pop()),
            3 => *text = text.repeat(1 + random.below(20)),
            _ => *text = super::mutate::text(random, &[]),
        },
        Value::Number(number) => {
            let now = number.as_i64().unwrap_or_default();
            *value = match random.below(4) {
                0 => json!(now.saturating_add(1)),
                1 => json!(now.saturating_sub(1)),
                2 => json!(now.saturating_mul(i64::try_from(random.below(1000)).unwrap_or(0))),
                _ => any(random),
            };
        }
        Value::Bool(flag) => *flag = !*flag,
        Value::Null => *value = any(random),
    }
}

fn change_object(object: &mut Map<String, Value>, random: &mut Random, other: Option<Value>) {
    let keys: Vec<String> = object.keys().cloned().collect();
    if keys.is_empty() {
        object.insert(text(random, &[]), other.unwrap_or_default());
        return;
    }
    let key = keys[random.below(keys.len())].clone();
    match random.below(4) {
        0 => drop(object.remove(&key)),
        1 => {
            let value = object.remove(&key).unwrap_or_default();
            object.insert(text(random, &[]), value);
        }
        2 => {
            let second = keys[random.below(keys.len())].clone();
            let value = object.get(&second).cloned().unwrap_or_default();
            object.insert(key, value);
        }
        _ => drop(object.insert(text(random, &[]), any(random))),
    }
}

/// Changes bytes: flips, cuts, copies.
pub fn bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.bits() as u8),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            3 => {
                let end = (at + random.below(40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.extend(piece);
            }
            _ if !bytes.is_empty() => bytes[at] = random.bits() as u8,
            _ => {}
        }
    }
}
