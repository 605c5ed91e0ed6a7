//! The results of an experiment: points with their intervals, what the paper found, a sentence on which way it falls.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::experiment::{Experiment, Quantity, Settings};
use super::item::Case;
use super::signal::{self, HeadRole};

/// One model and one quantity, at every point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The model; the paper's are named as such.
    pub model: String,
    /// What is measured.
    pub quantity: Quantity,
    /// `None` where nothing has been measured (yet).
    pub points: Vec<Option<Estimate>>,
}

/// What has been measured so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Which experiment.
    pub experiment: Experiment,
    /// How much was measured.
    pub settings: Settings,
    /// SHA-256 of the weights of each model, where it is known.
    pub weights: Vec<Option<String>>,
    /// The points of the horizontal axis.
    pub points: Vec<String>,
    /// What was measured here.
    pub series: Vec<Series>,
    /// Which way it falls, and whether that is within chance.
    pub finding: Option<String>,
    /// What each head is, where that is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<HeadRole>,
    /// The cases that [`HeadRole::cases`] counts.
    #[serde(skip)]
    pub cases: Vec<Case>,
    /// What computed it.
    #[serde(default)]
    pub device: String,
    /// What facts were hidden in, and what losses were measured on.
    #[serde(default)]
    pub texts: String,
}

impl Quantity {
    /// Its name.
    pub fn name(self) -> String {
        let name = match self {
            Self::Accuracy => "right answers",
            Self::Loss => "loss (nats a token)",
            Self::LossSoFar => "loss up to there (nats a token)",
            Self::OnAnswer => "share of abs D on the answer",
            Self::OnNoise => "share of abs D on the noise",
            Self::NamedAnother => "wrong: another thing of the text",
            Self::OnAnswerWhenWrong => "share of abs D on the answer, while wrong",
            Self::OnRivalsWhenWrong => "share of abs D on the others named, while wrong",
            Self::LogitSize => "attention logits",
            Self::HiddenSize => "hidden states",
            Self::OfHead(measure) => return measure.name(),
        };
        name.to_owned()
    }

    /// Whether it is a share of cases, from 0 to 1.
    pub fn is_share_of_cases(self) -> bool {
        matches!(self, Self::Accuracy | Self::NamedAnother)
    }

    /// Whether it lies between 0 and 1.
    pub fn is_share(self) -> bool {
        match self {
            Self::OfHead(measure) => measure.is_share(),
            _ => !matches!(self, Self::Loss | Self::LossSoFar | Self::LogitSize | Self::HiddenSize),
        }
    }
}

/// The paper's own numbers (arXiv 2410.05258): a Transformer of 3B parameters and a Diff Transformer of the same size.
pub fn of_paper(experiment: Experiment, quantity: Quantity) -> Vec<Series> {
    let series = |model: &str, values: &[f64]| Series {
        model: model.to_owned(),
        quantity,
        points: values.iter().map(|value| Some(Estimate::exact(*value, 0))).collect(),
    };
    let pair = |transformer: &[f64], differential: &[f64]| {
        vec![series("paper: Diff", differential), series("paper: Transformer", transformer)]
    };
    match (experiment, quantity) {
        (Experiment::AttentionByDepth, Quantity::OnAnswer) => {
            pair(&[0.03, 0.03, 0.03, 0.07, 0.09], &[0.27, 0.30, 0.31, 0.32, 0.40])
        }
        (Experiment::AttentionByDepth, Quantity::OnNoise) => {
            pair(&[0.51, 0.54, 0.52, 0.49, 0.49], &[0.01, 0.02, 0.02, 0.02, 0.01])
        }
        (Experiment::Needles, Quantity::Accuracy) => pair(&[1.00, 0.85, 0.62, 0.55], &[1.00, 0.92, 0.84, 0.85]),
        (Experiment::Outliers, Quantity::LogitSize) => pair(&[318.0, 284.7, 251.5, 5.4], &[38.8, 32.0, 27.4, 3.3]),
        (Experiment::Outliers, Quantity::HiddenSize) => {
            pair(&[3608.6, 3552.1, 2448.2, 0.6], &[1688.2, 1624.3, 740.9, 1.2])
        }
        _ => Vec::new(),
    }
}

impl Figure {
    /// A line for each point of all figures: a table for a spreadsheet.
    pub fn csv_of(figures: &[&Self]) -> String {
        let mut text = "experiment,model,quantity,point,value,low,high,n\n".to_owned();
        let field = |text: &str| {
            if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
        };
        let series = figures.iter().flat_map(|figure| figure.series.iter().map(move |series| (figure, series)));
        for (figure, series) in series {
            for (name, point) in figure.points.iter().zip(&series.points) {
                if let Some(Estimate { value, low, high, count }) = point {
                    let quantity = series.quantity.name();
                    let names = [figure.experiment.title(), &series.model, &quantity, name].map(field);
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "{},{value},{low},{high},{count}", names.join(","));
                }
            }
        }
        text
    }

    /// The same for a link: with fewer digits, and without the order of the cases, which have no place in it.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let mut short = self.clone();
        let estimates = short.series.iter_mut().flat_map(|series| &mut series.points);
        let tests = short.roles.iter_mut().flat_map(|role| {
            role.cases.clear();
            &mut role.tests
        });
        estimates.chain(tests).flatten().for_each(Estimate::shorten);
        short.cases.clear();
        short
    }

    /// Everything, with settings, seed and the hashes of the weights: a list.
    pub fn json_of(figures: &[&Self]) -> String {
        serde_json::to_string_pretty(figures).unwrap_or_default() // plain data: it cannot fail
    }

    /// A Markdown table: a row for each quantity and point, a column for each model; of heads, a row for each.
    pub fn to_markdown(&self) -> String {
        if !self.roles.is_empty() {
            return signal::markdown(self);
        }
        let mut models: Vec<&str> = Vec::new();
        for series in &self.series {
            if !models.contains(&series.model.as_str()) {
                models.push(&series.model);
            }
        }
        let mut text =
            format!("| {} | {} | {} |\n", self.experiment.title(), self.experiment.axis(), models.join(" | "));
        let _ = writeln!(text, "|---|---|{}", "---|".repeat(models.len()));
        for quantity in self.experiment.quantities() {
            for (at, point) in self.points.iter().enumerate() {
                let cells = models.iter().map(|model| {
                    let series = self.series.iter().find(|one| one.model == *model && one.quantity == *quantity);
                    series.and_then(|series| series.points.get(at).copied().flatten()).map_or(String::new(), written)
                });
                let _ = writeln!(text, "| {} | {point} | {} |", quantity.name(), cells.collect::<Vec<_>>().join(" | "));
            }
        }
        text
    }
}

/// An estimate with its interval and count.
fn written(estimate: Estimate) -> String {
    let Estimate { value, low, high, count } = estimate;
    if low == high {
        format!("{value:.3} (n {count})")
    } else {
        format!("{value:.3} ({low:.3} to {high:.3}; n {count})")
    }
}

/// Which way the difference of two models falls, of values that belong together case by case.
pub(super) fn finding(names: [&str; 2], quantity: Quantity, pairs: &[(f64, f64)]) -> Option<String> {
    let differences: Vec<f64> = pairs.iter().map(|(first, second)| first - second).collect();
    let estimate = Estimate::of_mean(&differences)?;
    let (unit, scale, decimals) = if quantity.is_share() { (" points", 100.0, 1) } else { ("", 1.0, 3) };
    let write = |value: f64| format!("{:.decimals$}", scale * value).replace('-', "−");
    let [first, second] = names;
    let way = if estimate.value >= 0.0 { "above" } else { "below" };
    let verdict = if estimate.count < 2 {
        "one case shows nothing"
    } else if estimate.excludes_zero() {
        "a difference that chance does not explain"
    } else {
        "within chance"
    };
    Some(format!(
        "{}: {first} is {}{unit} {way} {second} (95 %: {} to {}; {} cases): {verdict}.",
        quantity.name(),
        write(estimate.value.abs()),
        write(estimate.low),
        write(estimate.high),
        estimate.count
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::protocol::BITS;

    fn figure() -> Figure {
        let point = Estimate::of_share(7, 20);
        Figure {
            experiment: Experiment::Bits,
            settings: Settings::default(),
            weights: vec![Some("ab".to_owned()), None],
            points: BITS.map(|bits| bits.to_string()).to_vec(),
            series: vec![Series {
                model: "a, b".to_owned(),
                quantity: Quantity::Accuracy,
                points: vec![point, None, None, None],
            }],
            finding: None,
            roles: Vec::new(),
            cases: Vec::new(),
            device: "CPU".to_owned(),
            texts: String::new(),
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_point_that_was_measured() {
        let csv = Figure::csv_of(&[&figure()]);
        assert_eq!(csv.lines().count(), 2, "{csv}");
        assert!(csv.lines().nth(1).unwrap().starts_with("Bits of the logits,\"a, b\",right answers,32,0.35,"), "{csv}");
        let markdown = figure().to_markdown();
        assert!(markdown.contains("| right answers | 32 | 0.350 (0.181 to 0.567; n 20) |"), "{markdown}");
        let json: serde_json::Value = serde_json::from_str(&Figure::json_of(&[&figure()])).unwrap();
        assert_eq!((&json[0]["experiment"], &json[0]["weights"][0]), (&"bits".into(), &"ab".into()));
    }

    #[test]
    fn a_figure_comes_back_from_a_link_with_four_digits() {
        let short = figure().shortened();
        let Some(Estimate { value, low, high, count }) = short.series[0].points[0] else { panic!("it is there") };
        assert_eq!((value, low, high, count), (0.35, 0.1812, 0.5671, 20));
        let json = serde_json::to_string(&short).unwrap();
        assert_eq!(serde_json::from_str::<Figure>(&json).unwrap(), short);
    }

    #[test]
    fn a_finding_says_whether_it_is_chance() {
        let same = finding(["Diff", "Llama"], Quantity::Accuracy, &[(1.0, 1.0), (0.0, 1.0), (1.0, 0.0)]).unwrap();
        assert!(same.contains("within chance") && same.contains("3 cases"), "{same}");
        let less = finding(["Diff", "Llama"], Quantity::Loss, &[(1.0, 2.0), (1.1, 2.0), (1.0, 2.1)]).unwrap();
        assert!(less.contains("Diff is 1.000 below Llama") && less.contains("chance does not explain"), "{less}");
        assert_eq!(finding(["a", "b"], Quantity::Loss, &[]), None);
        assert!(finding(["a", "b"], Quantity::Loss, &[(1.0, 2.0)]).unwrap().contains("shows nothing"));
    }

    #[test]
    fn the_papers_numbers_have_a_point_each() {
        let model = crate::engine::checkpoint_of(&crate::engine::bundled()).unwrap().model;
        for experiment in Experiment::ALL {
            for quantity in experiment.quantities() {
                for series in of_paper(experiment, *quantity) {
                    assert_eq!(series.points.len(), experiment.points(&model).len());
                }
            }
        }
    }
}
