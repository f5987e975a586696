// Reads a QR code back from the rectangles that paint it (ISO/IEC 18004). Nothing is corrected: a code with a fault in it is no code of ours.
// Level M only, as our writer writes.

/** Correction words of each block at level M, by version from 1, and blocks. */
const QR_CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, ...Array(19).fill(28)];
const QR_BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49];
const QR_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
/** Rectangles that the smallest code is painted with, at least. */
const QR_RECTANGLES_MIN = 60;

const QR_MASKS = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3, (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
  (x, y) => ((x * y) % 2) + ((x * y) % 3), (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2, (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

/** The rectangles of a filled path as [left, bottom, right, top]; undefined when it has anything else, or too few for a code. */
export function qrRectangles({ path, fill }) {
  if (!fill || path.length < QR_RECTANGLES_MIN) return undefined;
  const rectangles = path.map((points) => {
    const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
    const one = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    return points.length === 4 && points.every(([x, y]) => (x === one[0] || x === one[2]) && (y === one[1] || y === one[3])) ? one : undefined;
  });
  return rectangles.includes(undefined) ? undefined : rectangles;
}

/** Rows of modules, true where dark; undefined when the rectangles stand in no grid of a code's size. */
function qrModules(rectangles) {
  const left = Math.min(...rectangles.map(([x]) => x)), top = Math.max(...rectangles.map(([, , , y]) => y));
  const side = Math.max(...rectangles.map(([, , x]) => x)) - left;
  const width = Math.round(side / Math.min(...rectangles.map(([a, b, c, d]) => Math.min(c - a, d - b))));
  if (!(width >= 21 && width <= 177) || width % 4 !== 1) return undefined;
  const rows = Array.from({ length: width }, () => Array(width).fill(false));
  const at = (way) => Math.round((way * width) / side);
  for (const [x, low, right, high] of rectangles) {
    for (let row = at(top - high); row < at(top - low); row += 1) {
      if (rows[row] === undefined || at(right - left) > width) return undefined;
      rows[row].fill(true, at(x - left), at(right - left));
    }
  }
  return rows;
}

/** The two copies of the format as numbers of 15 bits. */
function qrFormats(rows) {
  const far = rows.length - 1, one = [], other = [];
  for (let bit = 14; bit >= 0; bit -= 1) {
    const [x, y] = bit < 6 ? [8, bit] : bit === 6 ? [8, 7] : bit === 7 ? [8, 8] : bit === 8 ? [7, 8] : [14 - bit, 8];
    one.push(rows[y][x]);
    other.push(bit < 8 ? rows[8][far - bit] : rows[far - 14 + bit][8]);
  }
  return [one, other].map((bits) => bits.reduce((value, bit) => value * 2 + (bit ? 1 : 0), 0) ^ 0x5412);
}

/** Whether a number of 15 bits is a word of the code that formats are written in. */
function isFormat(word) {
  for (let bit = 14; bit >= 10; bit -= 1) if ((word >> bit) & 1) word ^= 0x537 << (bit - 10);
  return word === 0;
}

function qrAlignment(version, width) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2, step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, nth) => width - 7 - nth * step).reverse()];
}

/** The words in the order in which they are placed, unmasked. */
function qrWords(rows, version, mask) {
  const width = rows.length, centres = qrAlignment(version, width), last = centres.length - 1, bits = [];
  const isFunction = (x, y) => {
    if (x === 6 || y === 6 || (x < 9 && y < 9) || (x >= width - 8 && y < 9) || (x < 9 && y >= width - 8)) return true;
    if (version >= 7 && ((x >= width - 11 && y < 6) || (y >= width - 11 && x < 6))) return true;
    const column = centres.findIndex((centre) => Math.abs(centre - x) <= 2), row = centres.findIndex((centre) => Math.abs(centre - y) <= 2);
    return column >= 0 && row >= 0 && !(column === 0 && (row === 0 || row === last)) && !(column === last && row === 0);
  };
  for (let right = width - 1; right >= 1; right -= 2) {
    const column = right <= 6 ? right - 1 : right;
    for (let step = 0; step < width; step += 1) {
      const y = ((column + 1) & 2) === 0 ? width - 1 - step : step;
      for (const x of [column, column - 1]) if (x >= 0 && !isFunction(x, y)) bits.push(rows[y][x] !== (QR_MASKS[mask](x, y) === 0));
    }
  }
  const words = [];
  for (let at = 0; at + 8 <= bits.length; at += 8) words.push(bits.slice(at, at + 8).reduce((word, bit) => word * 2 + (bit ? 1 : 0), 0));
  return words;
}

/** Data of all blocks in order; undefined when a block is no word of its Reed-Solomon code. */
function qrData(words, version) {
  const blocks = QR_BLOCKS[version - 1], correction = QR_CORRECTION[version - 1];
  const short = Math.floor(words.length / blocks) - correction, longer = words.length % blocks;
  const all = Array.from({ length: blocks }, () => []);
  let from = 0;
  for (let nth = 0; nth <= short; nth += 1) {
    all.forEach((block, which) => { if (nth < short || which >= blocks - longer) block.push(words[from++]); });
  }
  const data = all.flat();
  for (let nth = 0; nth < correction; nth += 1) all.forEach((block) => block.push(words[from++]));
  return all.every((block) => isReedSolomon(block, correction)) ? data : undefined;
}

/** Whether a polynomial of GF(256) is 0 at the first powers of the generator. */
function isReedSolomon(block, correction) {
  const product = (a, b) => {
    let value = 0;
    for (let bit = 7; bit >= 0; bit -= 1) value = ((value << 1) ^ ((value >> 7) * 0x11d)) ^ (((b >> bit) & 1) * a);
    return value;
  };
  for (let power = 0, root = 1; power < correction; power += 1, root = product(root, 2)) {
    if (block.reduce((value, word) => product(value, root) ^ word, 0) !== 0) return false;
  }
  return true;
}

/** The text in the data's segments: figures, letters and figures, bytes; undefined for other modes. */
function qrSegments(data, version) {
  let at = 0;
  const left = () => data.length * 8 - at;
  const take = (count) => {
    let value = 0;
    for (const end = at + count; at < end; at += 1) value = value * 2 + (((data[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    return value;
  };
  const wide = version < 10 ? 0 : version < 27 ? 1 : 2;
  const bytes = [];
  const push = (text) => bytes.push(...[...text].map((one) => one.charCodeAt(0)));
  while (left() >= 4) {
    const mode = take(4);
    if (mode === 0) break;
    if (mode === 1) {
      for (let count = take(10 + 2 * wide); count > 0; count -= 3) {
        const digits = Math.min(count, 3);
        push(String(take(digits * 3 + 1)).padStart(digits, "0"));
      }
    } else if (mode === 2) {
      for (let count = take(9 + 2 * wide); count > 0; count -= 2) {
        const value = take(count > 1 ? 11 : 6);
        push((count > 1 ? QR_ALPHANUMERIC[Math.floor(value / 45)] ?? "\0" : "") + QR_ALPHANUMERIC[value % 45]);
      }
    } else if (mode === 4) {
      for (let count = take(wide === 0 ? 8 : 16); count > 0 && left() > 0; count -= 1) bytes.push(take(8));
    } else return undefined;
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** What a code says that is painted with these rectangles; undefined when it is none, or has a fault in it. */
export function qrText(rectangles) {
  const rows = qrModules(rectangles);
  if (rows === undefined) return undefined;
  const [format, copy] = qrFormats(rows), version = (rows.length - 17) / 4;
  if (format !== copy || !isFormat(format) || format >> 13 !== 0) return undefined;
  const data = qrData(qrWords(rows, version, (format >> 10) & 7), version);
  return data && qrSegments(data, version);
}
