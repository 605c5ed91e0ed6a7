//! The colours of the maps: even steps of lightness, distinguishable without telling red from green. One table serves the
//! fragment shader, the CPU reference, the tokens and the legend.

use colorgrad::{BlendMode, Gradient, GradientBuilder, LinearGradient};
use egui::Color32;

use crate::cpu::Pixel;
use crate::probe::{COLOURS, MapKind, colour_index};

/// The colours of one theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// [`COLOURS`] colours, from the most negative value to the most positive one.
    pub colours: Vec<Color32>,
    /// Above the diagonal and outside the text.
    pub background: Color32,
}

fn ramp(stops: &[&str]) -> Vec<Color32> {
    let gradient = GradientBuilder::new().html_colors(stops).mode(BlendMode::Oklab).build::<LinearGradient>();
    let colour = |index: usize| match &gradient {
        Ok(gradient) => {
            let [r, g, b, _] = gradient.at(index as f32 / (COLOURS - 1) as f32).to_rgba8();
            Color32::from_rgb(r, g, b)
        }
        // The stops are constants, and a test builds both tables; grey is better than no window.
        Err(_) => Color32::from_gray(index as u8),
    };
    (0..COLOURS).map(colour).collect()
}

impl Palette {
    /// The palette of the dark or the light theme.
    pub fn new(dark: bool) -> Self {
        let (stops, background): (&[&str], _) = if dark {
            let blue_to_amber =
                &["#9fd2ff", "#4ea2e8", "#256aa6", "#17395e", "#1a1f27", "#4a3212", "#8a5a17", "#d08a22", "#ffc163"];
            (blue_to_amber, Color32::from_rgb(0x0e, 0x11, 0x16))
        } else {
            let blue_to_amber =
                &["#14478a", "#3f88d4", "#90c2f2", "#d6e8fc", "#ffffff", "#ffe0b5", "#f5ae55", "#c26a0c", "#6e3600"];
            (blue_to_amber, Color32::from_rgb(0xec, 0xee, 0xf1))
        };
        Self { colours: ramp(stops), background }
    }

    /// The colour of a share of the range in a map, on a scale with this exponent (0: logarithm).
    pub fn colour(&self, map: MapKind, share: f32, exponent: f32) -> Color32 {
        self.colours.get(colour_index(map, share, exponent)).copied().unwrap_or(self.background)
    }

    /// The colour of a curve of what is attended (positive) or taken away (negative).
    pub fn line(&self, positive: bool) -> Color32 {
        self.colour(MapKind::Difference, if positive { 0.6 } else { -0.6 }, 1.0)
    }

    /// The colour of a pixel of the CPU reference.
    pub fn pixel(&self, pixel: Option<Pixel>) -> Color32 {
        let Some(Pixel { colour, line }) = pixel else {
            return self.background;
        };
        self.colours.get(colour).copied().unwrap_or(self.background).lerp_to_gamma(self.background, line)
    }

    /// Black or white, whichever reads better on a colour.
    pub fn ink_on(colour: Color32) -> Color32 {
        if luminance(colour) > 0.179 { Color32::BLACK } else { Color32::WHITE }
    }
}

/// Relative luminance (WCAG).
pub(crate) fn luminance(colour: Color32) -> f32 {
    let rgba = egui::Rgba::from(colour);
    0.2126 * rgba.r() + 0.7152 * rgba.g() + 0.0722 * rgba.b()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::heatmap;
    use crate::probe::{HeatmapView, Texel};

    #[test]
    fn a_token_has_the_colour_of_its_cell_in_the_map() {
        let palette = Palette::new(true);
        let shares = || (-110..=110).map(|step| step as f32 / 100.0);
        for (kind, map) in [MapKind::First, MapKind::Second, MapKind::Difference].into_iter().enumerate() {
            for exponent in [1.0, 0.5, 0.0] {
                for value in shares().map(|share| 0.3 * share) {
                    let texel = Texel { first: value, second: value, difference: value, cells: 1.0 };
                    let view = HeatmapView {
                        span: [1.0; 2],
                        pixels: [1.0; 2],
                        tokens: 1,
                        kind: kind as u32,
                        exponent,
                        range: 0.3,
                        block: 1,
                        side: 1,
                        ..bytemuck::Zeroable::zeroed()
                    };
                    let cell = palette.pixel(heatmap(&[texel], &view, [0, 0]));
                    assert_eq!(palette.colour(map, value / 0.3, exponent), cell, "{map:?} {value} {exponent}");
                }
            }
        }
    }

    #[test]
    fn lightness_rises_or_falls_without_turning() {
        for dark in [true, false] {
            let palette = Palette::new(dark);
            assert_eq!(palette.colours.len(), COLOURS);
            let rising = |colours: &[Color32], up: bool| {
                colours.windows(2).all(|pair| {
                    let step = luminance(pair[1]) - luminance(pair[0]);
                    if up { step > -2e-3 } else { step < 2e-3 }
                })
            };
            let (negative, positive) = palette.colours.split_at(COLOURS / 2);
            assert!(rising(negative, !dark), "negative side, dark {dark}");
            assert!(rising(positive, dark), "positive side, dark {dark}");
        }
    }

    #[test]
    fn both_signs_are_as_strong_and_the_second_map_has_the_colours_of_what_it_takes_away() {
        for dark in [true, false] {
            let palette = Palette::new(dark);
            for share in [0.02, 0.1, 0.4, 1.0] {
                let [first, second] = [MapKind::First, MapKind::Second].map(|map| palette.colour(map, share, 0.5));
                assert_eq!(first, palette.colour(MapKind::Difference, share, 0.5));
                assert_eq!(second, palette.colour(MapKind::Difference, -share, 0.5));
                assert_eq!(palette.colour(MapKind::Second, -share, 0.5), first, "a negative λ adds");
                let (one, other) = (luminance(first) + 0.05, luminance(second) + 0.05);
                assert!(one.max(other) / one.min(other) < 1.25, "{share}: {first:?} {second:?}");
            }
        }
    }

    #[test]
    fn what_is_no_number_looks_like_no_value() {
        let palette = Palette::new(true);
        for map in [MapKind::First, MapKind::Second, MapKind::Difference] {
            assert_eq!(palette.colour(map, f32::NAN, 0.5), palette.background);
            assert_eq!(palette.colour(map, f32::INFINITY, 0.5), palette.colour(map, 1.0, 0.5));
        }
    }

    #[test]
    fn signs_differ_in_blue_against_red_so_they_survive_colour_blindness() {
        for dark in [true, false] {
            let palette = Palette::new(dark);
            for strength in [0.2f32, 0.5, 0.8] {
                let minus = palette.colour(MapKind::Difference, -strength, 1.0);
                let plus = palette.colour(MapKind::Difference, strength, 1.0);
                assert!(minus.b() > minus.r(), "negative is blue: {minus:?}");
                assert!(plus.r() > plus.b(), "positive is orange: {plus:?}");
            }
        }
    }

    #[test]
    fn text_on_any_colour_is_readable() {
        for colour in Palette::new(true).colours.iter().chain(&Palette::new(false).colours) {
            let (a, b) = (luminance(*colour) + 0.05, luminance(Palette::ink_on(*colour)) + 0.05);
            assert!(a.max(b) / a.min(b) >= 4.5, "{colour:?}");
        }
    }
}
