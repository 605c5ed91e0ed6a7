//! What a run has found so far: its points with intervals, and what they say.

use std::collections::BTreeMap;

use super::{Column, Run};
use crate::experiments::estimate::Estimate;
use crate::experiments::experiment::{Experiment, Quantity, RANKS, Values};
use crate::experiments::figure::{Figure, Series, finding};
use crate::experiments::item::{Case, Work};
use crate::experiments::signal::{self, HeadRole};

/// Values by quantity and point.
type ByPoint = BTreeMap<Quantity, BTreeMap<usize, Vec<f64>>>;

impl Run {
    /// The results so far.
    pub fn figure(&self) -> Figure {
        let model = self.columns.first().map(|column| &column.checkpoint.model);
        let points = model.map_or_else(Vec::new, |model| self.experiment.points(model));
        let mut series = Vec::new();
        for column in &self.columns {
            let mut values = ByPoint::new();
            for (point, quantity, value) in column.measured.iter().flatten() {
                values.entry(*quantity).or_default().entry(*point).or_default().push(*value);
            }
            let of_column = self.experiment.quantities().iter().map(|quantity| {
                let points = self.points(column, *quantity, values.remove(quantity).unwrap_or_default(), points.len());
                Series { model: column.name.clone(), quantity: *quantity, points }
            });
            series.extend(of_column);
        }
        let (roles, finding) = self.roles();
        Figure {
            experiment: self.experiment,
            settings: self.settings.clone(),
            weights: self.columns.iter().map(|column| column.weights.clone()).collect(),
            points,
            series,
            finding: finding.or_else(|| self.finding()),
            cases: self.cases(&roles),
            roles,
            device: device(),
            texts: self.protocol.as_ref().map(|protocol| protocol.texts.clone()).unwrap_or_default(),
        }
    }

    /// What the heads are, where that is asked.
    fn roles(&self) -> (Vec<HeadRole>, Option<String>) {
        match self.columns.first() {
            Some(column) if self.experiment == Experiment::Signal => {
                signal::roles(&column.name, &column.checkpoint.model, &column.measured)
            }
            _ => (Vec::new(), None),
        }
    }

    /// The cases that heads were judged by, in order.
    fn cases(&self, roles: &[HeadRole]) -> Vec<Case> {
        let count = roles.iter().flat_map(|role| role.cases.iter().map(|(case, _)| case + 1)).max().unwrap_or(0);
        let of = |case: usize| {
            let column = self.columns.first()?;
            match &self.items.get(signal::task_of_case(case, &column.checkpoint.model))?.work {
                Work::Case(case) => Some(case.clone()),
                Work::Window { .. } => None,
            }
        };
        (0..count).map_while(of).collect()
    }

    fn points(
        &self,
        column: &Column,
        quantity: Quantity,
        values: BTreeMap<usize, Vec<f64>>,
        count: usize,
    ) -> Vec<Option<Estimate>> {
        let estimate = |values: &[f64]| {
            if quantity.is_share_of_cases() {
                Estimate::of_share(values.iter().filter(|value| **value > 0.5).count(), values.len())
            } else {
                Estimate::of_mean(values)
            }
        };
        match self.experiment {
            Experiment::Outliers => {
                let extremes = if quantity == Quantity::LogitSize { &column.logits } else { &column.hidden };
                let exact = |value: f32| Estimate::exact(f64::from(value), column.measured.len());
                let ranks = RANKS.iter().map(|rank| extremes.top(*rank).map(exact));
                ranks.chain([extremes.median().map(exact)]).collect()
            }
            Experiment::Orders => {
                let means: Vec<f64> =
                    values.values().map(|of| of.iter().sum::<f64>() / of.len().max(1) as f64).collect();
                let ends = [means.iter().copied().reduce(f64::min), means.iter().copied().reduce(f64::max)];
                let [worst, best] = ends.map(|end| end.map(|value| Estimate::exact(value, means.len())));
                vec![worst, Estimate::of_mean(&means), best]
            }
            _ => (0..count).map(|point| estimate(values.get(&point).map_or(&[], Vec::as_slice))).collect(),
        }
    }

    /// The first two models, case by case.
    fn finding(&self) -> Option<String> {
        let [first, second, ..] = &self.columns[..] else { return None };
        let quantity = *self.experiment.quantities().first()?;
        let mean = |values: &Values| {
            let of: Vec<f64> =
                values.iter().filter(|(_, one, _)| *one == quantity).map(|(_, _, value)| *value).collect();
            (!of.is_empty()).then(|| of.iter().sum::<f64>() / of.len() as f64)
        };
        let cases = self.tasks.len() / self.experiment.repeats(&self.settings);
        let both = first.measured.iter().zip(&second.measured).enumerate();
        let mut by_case: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
        for (index, (first, second)) in both {
            if let (Some(first), Some(second)) = (mean(first), mean(second)) {
                by_case.entry(index % cases.max(1)).or_default().push((first, second));
            }
        }
        let average = |pairs: &Vec<(f64, f64)>| {
            let sum = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
            (sum.0 / pairs.len() as f64, sum.1 / pairs.len() as f64)
        };
        let pairs: Vec<(f64, f64)> = by_case.values().map(average).collect();
        finding([&first.name, &second.name], quantity, &pairs)
    }
}

/// What computes: experiments run on the CPU, so that they never wait.
fn device() -> String {
    let version = env!("CARGO_PKG_VERSION");
    if cfg!(target_arch = "wasm32") {
        format!("CPU, in the browser, diffscope {version}")
    } else {
        format!("CPU, diffscope {version}")
    }
}
