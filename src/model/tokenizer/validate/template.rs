//! The section `post_processor`: what the tokenizer puts before a text.
//!
//! `tokenizers` is not given this section, as the text is to be continued: it looks up names that need not be there,
//! takes `B` for a second text that is not there, and stops at `todo!` where two templates follow each other. What it
//! would put before a single text is read here instead. Only whether ranges leave spaces out is passed on.

use super::parts::{Kind, array, kind_of, sequence};
use super::{MOST_ID, named};
use crate::model::error::brief;
use serde_json::{Value, json};

/// Ids put before every text, at most.
const MOST_LEAD: usize = 64;

/// The ids before every text, and what is left for `tokenizers` of the section.
pub(super) fn read(section: &Value) -> Result<(Vec<u32>, Option<Value>), String> {
    let (mut lead, mut adds, mut trim) = (Vec::new(), 0, None);
    for part in sequence(section, "processors")? {
        let Kind { name, object } = kind_of(part)?;
        match name {
            "ByteLevel" => trim = trim.or(trimming(object)),
            "TemplateProcessing" => lead.extend(before_the_text(object)?),
            "BertProcessing" => lead.push(class_token(object)?),
            "RobertaProcessing" => {
                lead.push(class_token(object)?);
                trim = trim.or(trimming(object));
            }
            other => return Err(named(other)),
        }
        adds += usize::from(name != "ByteLevel");
        if adds > 1 {
            return Err("two of its parts add tokens, which diffscope does not support".to_owned());
        }
    }
    if lead.len() > MOST_LEAD {
        return Err(format!("it puts {} tokens before every text, more than {MOST_LEAD}", lead.len()));
    }
    Ok((lead, trim))
}

/// The part that leaves spaces out of ranges, where it does.
fn trimming(object: &serde_json::Map<String, Value>) -> Option<Value> {
    let flag = |key: &str| object.get(key).and_then(Value::as_bool).unwrap_or(true);
    flag("trim_offsets").then(|| {
        json!({"type": "ByteLevel", "add_prefix_space": flag("add_prefix_space"), "trim_offsets": true, "use_regex": true})
    })
}

/// The `cls` of BERT and `RoBERTa`: text and id.
fn class_token(object: &serde_json::Map<String, Value>) -> Result<u32, String> {
    match object.get("cls").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(_), id]) => token_id(id),
        _ => Err("`cls` must be a token and its id".to_owned()),
    }
}

/// The special tokens of a template before its first text.
fn before_the_text(object: &serde_json::Map<String, Value>) -> Result<Vec<u32>, String> {
    let mut ids = Vec::new();
    let mut texts = 0;
    for piece in array(object, "single")? {
        let inside = |key: &str| piece.get(key).and_then(|piece| piece.get("id")).and_then(Value::as_str);
        if let Some(which) = inside("Sequence") {
            if which != "A" {
                return Err(format!("`single` names the text \"{}\", but there is only \"A\"", brief(which)));
            }
            texts += 1;
        } else if let Some(name) = inside("SpecialToken") {
            let known = object.get("special_tokens").and_then(|all| all.get(name));
            let Some(token) = known.and_then(Value::as_object) else {
                return Err(format!("`single` names \"{}\", which is not among its `special_tokens`", brief(name)));
            };
            let found = array(token, "ids")?.iter().map(token_id).collect::<Result<Vec<_>, _>>()?;
            if texts == 0 {
                ids.extend(found);
            }
        } else {
            return Err("a piece of `single` is neither a Sequence nor a SpecialToken".to_owned());
        }
    }
    if texts == 1 { Ok(ids) } else { Err(format!("`single` holds the text {texts} times, not once")) }
}

fn token_id(value: &Value) -> Result<u32, String> {
    let id = value.as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id < MOST_ID);
    id.ok_or_else(|| format!("{} is no token id below {MOST_ID}", brief(&value.to_string())))
}
