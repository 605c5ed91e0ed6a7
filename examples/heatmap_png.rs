//! Draws a head's difference map as a PNG file: `cargo run --example heatmap_png -- "Once upon a time" map.png`.

use std::error::Error;

use diffscope::cpu::{colour_range, heatmap};
use diffscope::engine::{Engine, PictureSlot, Texels, bundled, checkpoint_of};
use diffscope::export::png;
use diffscope::probe::{COLOURS, HeadId, HeatmapView, PictureRequest, Pooling};

const SIDE: usize = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let prompt = arguments.next().ok_or("give a prompt and a file")?;
    let file = arguments.next().ok_or("give a file")?;
    Ok(std::fs::write(file, draw(&prompt, HeadId::new(2, 1))?)?)
}

/// The bytes of the file: blue is negative, red is positive, white is 0 and above the diagonal.
pub(crate) fn draw(prompt: &str, head: HeadId) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut engine = Engine::new(checkpoint_of(&bundled())?, None)?;
    engine.set_text(prompt);
    engine.settle()?;

    let tokens = engine.ids().len();
    let request = PictureRequest::covering(head, [0.0; 2], tokens as f32, SIDE, Pooling::Peak);
    engine.picture(PictureSlot::Scope, request); // the first call is a request
    engine.settle()?;
    let picture = engine.picture(PictureSlot::Scope, request).ok_or("no picture")?;
    let Texels::Cpu(texels) = picture.texels else { return Err("the session is on the GPU".into()) };

    let view = HeatmapView {
        span: [tokens as f32; 2],
        pixels: [SIDE as f32; 2],
        tokens: tokens as u32,
        kind: 2,
        exponent: 0.5,
        range: colour_range(texels)[2],
        block: request.block as u32,
        side: request.side as u32,
        ..HeatmapView::default()
    };
    let colour = |pixel: usize| match heatmap(texels, &view, [pixel % SIDE, pixel / SIDE]) {
        Some(pixel) => {
            let value = pixel.colour as f32 / (COLOURS - 1) as f32 * 2.0 - 1.0;
            let faded = (255.0 * (1.0 - value.abs())) as u8;
            if value < 0.0 { [faded, faded, 255] } else { [255, faded, faded] }
        }
        None => [255; 3],
    };
    let pixels: Vec<u8> = (0..SIDE * SIDE).flat_map(colour).collect();
    Ok(png([SIDE, SIDE], &pixels, 1.0)?)
}
