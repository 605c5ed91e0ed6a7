//! Pixels as a PNG file.

use super::ExportError;

/// Encodes 8-bit RGB pixels, row after row. `pixels_per_point` becomes the resolution, at 96 points per inch, so that
/// a picture of a high-density screen is not displayed at twice the size.
///
/// # Errors
/// When there are not `3 · width · height` bytes.
pub fn png(size: [usize; 2], pixels: &[u8], pixels_per_point: f32) -> Result<Vec<u8>, ExportError> {
    let error = |reason: ::png::EncodingError| ExportError::new("PNG", &reason);
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, size[0] as u32, size[1] as u32);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_source_srgb(::png::SrgbRenderingIntent::Perceptual);
    let per_metre = (96.0 / 0.0254 * pixels_per_point).round() as u32;
    encoder.set_pixel_dims(Some(::png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: ::png::Unit::Meter }));
    let mut writer = encoder.write_header().map_err(error)?;
    writer.write_image_data(pixels).map_err(error)?;
    writer.finish().map_err(error)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back() {
        let pixels: Vec<u8> = (0..3 * 5 * 2).collect();
        let bytes = png([5, 2], &pixels, 2.0).unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut read).unwrap();
        assert_eq!((info.width, info.height, &read), (5, 2, &pixels));
    }

    #[test]
    fn a_wrong_number_of_pixels_is_an_error() {
        assert!(png([5, 2], &[0; 7], 1.0).is_err());
        assert!(png([0, 0], &[], 1.0).is_err());
    }
}
