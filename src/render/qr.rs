//! QR codes: level M, one fixed mask. Scoring all eight masks costs fifty times as much and reads no better (pdf.md 7).

use std::fmt::Write as _;

use qrcode::bits::encode_auto;
use qrcode::canvas::{Canvas, MaskPattern};
use qrcode::ec::construct_codewords;
use qrcode::{Color, EcLevel};

use crate::base::{Code, Fault};

/// Light modules that must stay free on every side (ISO/IEC 18004).
pub const QUIET_MODULES: usize = 4;

/// Pixels of one module in [`png()`]: at 32 the largest code is under 6,000 pixels wide.
const MODULE_PX_MAX: usize = 32;

/// The modules of a QR code, without quiet zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrMatrix {
    width: usize,
    dark: Vec<bool>,
}

/// A horizontal run of dark modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DarkRun {
    /// First column.
    pub x: usize,
    /// Row from the top.
    pub y: usize,
    /// Modules.
    pub length: usize,
}

impl QrMatrix {
    /// Modules per side.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether the module in column `x`, row `y` is dark; outside the code nothing is.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// The dark modules as horizontal runs, from the top, from the left.
    pub(super) fn runs(&self) -> Vec<DarkRun> {
        let mut runs = Vec::new();
        for (y, row) in self.dark.chunks(self.width.max(1)).enumerate() {
            let mut x = 0;
            for group in row.chunk_by(|a, b| a == b) {
                if group.first() == Some(&true) {
                    runs.push(DarkRun { x, y, length: group.len() });
                }
                x += group.len();
            }
        }
        runs
    }
}

/// The QR code of a text.
///
/// # Errors
/// [`Code::RenderQrTooLong`] when the text does not fit the largest code.
pub fn matrix(text: &str) -> Result<QrMatrix, Fault> {
    let too_long = |e: qrcode::types::QrError| Fault::new(Code::RenderQrTooLong, "", e.to_string());
    let bits = encode_auto(text.as_bytes(), EcLevel::M).map_err(too_long)?;
    let version = bits.version();
    let (words, correction) = construct_codewords(&bits.into_bytes(), version, EcLevel::M).map_err(too_long)?;
    let mut canvas = Canvas::new(version, EcLevel::M);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&words, &correction);
    canvas.apply_mask(MaskPattern::DiagonalLines);
    let dark = canvas.into_colors().into_iter().map(|color| color == Color::Dark).collect();
    Ok(QrMatrix { width: usize::try_from(version.width()).unwrap_or_default(), dark })
}

/// The QR code of a text as an SVG image: one path, one module per unit, quiet zone included.
///
/// # Errors
/// [`Code::RenderQrTooLong`] when the text does not fit the largest code.
pub fn svg(text: &str) -> Result<String, Fault> {
    let code = matrix(text)?;
    let side = code.width() + 2 * QUIET_MODULES;
    let mut path = String::new();
    for run in code.runs() {
        // Writing to a String cannot fail.
        let _ = write!(path, "M{} {}h{}v1h-{}z", run.x + QUIET_MODULES, run.y + QUIET_MODULES, run.length, run.length);
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

/// The QR code of a text as a PNG image, `module_px` pixels per module (1 to 32), quiet zone included.
///
/// # Errors
/// [`Code::RenderQrTooLong`] when the text does not fit the largest code, [`Code::RenderPngSize`] when `module_px` is out of range.
pub fn png(text: &str, module_px: usize) -> Result<Vec<u8>, Fault> {
    if !(1..=MODULE_PX_MAX).contains(&module_px) {
        return Err(Fault::new(Code::RenderPngSize, "module_px", format!("{module_px} is not 1 to {MODULE_PX_MAX}")));
    }
    let code = matrix(text)?;
    let side = (code.width() + 2 * QUIET_MODULES) * module_px;
    let mut pixels = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        let row = y / module_px;
        for byte in 0..side.div_ceil(8) {
            // One bit per pixel, 1 = white, the leftmost pixel highest.
            pixels.push((0..8).fold(0u8, |bits, bit| {
                let column = (byte * 8 + bit) / module_px;
                let dark = column >= QUIET_MODULES
                    && row >= QUIET_MODULES
                    && code.is_dark(column - QUIET_MODULES, row - QUIET_MODULES);
                (bits << 1) | u8::from(!dark)
            }));
        }
    }
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::Internal, "", format!("PNG: {e}"));
    let side = u32::try_from(side).map_err(|e| failed(&e))?;
    let mut image = Vec::new();
    let mut encoder = png::Encoder::new(&mut image, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(|e| failed(&e))?;
    writer.write_image_data(&pixels).map_err(|e| failed(&e))?;
    writer.finish().map_err(|e| failed(&e))?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_exactly_the_dark_modules() {
        let code = matrix("01,10,144032609110,00000001").unwrap();
        let mut again = QrMatrix { width: code.width, dark: vec![false; code.dark.len()] };
        for run in code.runs() {
            for x in run.x..run.x + run.length {
                assert!(!again.dark[run.y * code.width + x], "drawn twice");
                again.dark[run.y * code.width + x] = true;
            }
        }
        assert_eq!(again, code);
    }

    #[test]
    fn the_finder_pattern_stands_in_three_corners() {
        let code = matrix("x").unwrap();
        let last = code.width() - 1;
        assert!(code.is_dark(0, 0) && code.is_dark(last, 0) && code.is_dark(0, last));
        assert!(!code.is_dark(1, 1) && !code.is_dark(code.width(), 0));
    }

    #[test]
    fn a_text_beyond_the_largest_code_is_refused() {
        assert_eq!(matrix(&"x".repeat(3_000)).unwrap_err().code, Code::RenderQrTooLong);
    }

    #[test]
    fn module_size_out_of_range_is_refused() {
        for module_px in [0, 33] {
            assert_eq!(png("x", module_px).unwrap_err().code, Code::RenderPngSize);
        }
    }

    #[test]
    fn the_quiet_zone_of_the_png_is_white() {
        let image = png("x", 2).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(image)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, 58, "21 modules and twice 4, two pixels each");
        assert!(pixels[..info.line_size * 8].iter().all(|byte| *byte == 0xFF));
    }
}
