// What verdicts and states are called on the page, in Chinese and English.

/** Verdict codes. */
export const VERDICTS = {
  VALID: ["验证通过", "Valid"],
  RECEIPT_MISSING: ["此 PDF 未附带收据，无法离线验证", "This PDF carries no receipt"],
  FACE_DIFFERS: ["票面与收据不符：PDF 页面显示的内容不是收据所证明的", "The pages show something else than the receipt says"],
  FACE_UNREADABLE: ["票面无法与收据核对：PDF 被其他程序重新绘制或改动", "The pages can't be compared with the receipt"],
  FILE_UNUSABLE: ["无法读取此文件", "This file can't be read"],
  RECEIPT_MALFORMED: ["文件不是收据或状态证明，或已损坏", "Not a receipt or state proof, or damaged"],
  ENTRY_NOT_CANONICAL: ["条目不是规范文本", "The entry's text is not canonical"],
  ENTRY_MALFORMED: ["条目格式不符", "The entry is malformed"],
  HEADER_NOT_CANONICAL: ["区块头不是规范文本", "The header's text is not canonical"],
  HEADER_MALFORMED: ["区块头格式不符", "The header is malformed"],
  CHAIN_MISMATCH: ["链标识不一致", "Of another chain"],
  INDEX_MISMATCH: ["条目序号不一致", "The index does not agree"],
  LEAF_HASH_MISMATCH: ["与所期望的哈希不符：不是这张发票", "Not the invoice that was expected"],
  TIME_MISMATCH: ["条目时间晚于区块时间", "The entry is later than its block"],
  DRAFT_MALFORMED: ["发票草稿格式不符", "The draft is malformed"],
  ISSUER_SIGNATURE_BAD: ["开票方签名无效：内容可能被改动", "The issuer's signature is bad: the content may have been altered"],
  PROOF_BAD: ["条目不在账本中：内容可能被改动", "The entry is not in the ledger: it may have been altered"],
  STATE_UNCOMMITTED: ["区块头未记录发票现状", "The header commits to no states"],
  STATE_MALFORMED: ["现状格式不符", "The present state is malformed"],
  STATE_LEAF_MISMATCH: ["现状属于另一张发票", "The present state is of another entry"],
  STATE_PROOF_BAD: ["现状的证明不成立", "The proof of the present state is bad"],
  ROSTER_UNKNOWN: ["没有对应的可信成员名册", "None of the rosters given is the one that sealed this"],
  ROSTER_SUPERSEDED: ["所用成员名册已被更换", "Sealed under a roster that had been replaced"],
  SEAL_STRANGER: ["签章者不在成员名册中", "A seal by a stranger"],
  SEAL_DUPLICATE: ["同一成员签章两次", "A member sealed twice"],
  SEAL_ROUND_MISMATCH: ["签章属于不同轮次", "Seals of different rounds"],
  SEAL_BAD: ["成员签章无效", "A seal is bad"],
  SEALS_BELOW_QUORUM: ["签章未达三分之二以上表决权", "The seals are no quorum"],
};

/** Present states. */
export const STATES = {
  open: ["有效", "open"],
  locked: ["已锁定（报销中）", "locked in an expense claim"],
  closed: ["已入账", "booked"],
  pledged: ["已质押", "pledged"],
  settled: ["有效（融资已结清）", "open (financed and settled)"],
  settled_locked: ["已锁定（报销中，融资已结清）", "locked in an expense claim (financed and settled)"],
  reversed: ["已全额红冲", "reversed in full"],
  red: ["红字发票", "a red invoice"],
  absent: ["此号码从未开具", "this number was never issued"],
};

/** What sentences of what was covered say in Chinese: a pattern, and the sentence with its groups. */
const COVERED_CHINESE = [
  [/^the entry's text is canonical$/, "条目是规范文本"],
  [/^the header's text is canonical and a header of this format$/, "区块头是规范文本，格式相符"],
  [/^receipt, entry and header name the chain (\S+) and the index (\d+)$/, "收据、条目与区块头同属链 $1，条目序号均为 $2"],
  [/^the entry is the one whose hash was expected$/, "条目的哈希与所期望的一致"],
  [/^the entry is not later than the header$/, "条目时间不晚于区块时间"],
  [/^the entry carries no draft: there is no issuer signature to check$/, "条目不含发票草稿，没有开票方签名可核"],
  [/^the draft was signed by the issuer (\S+) \(.*\)$/, "发票草稿由开票方 $1 签名（该密钥属于销售方，由成员签章作证）"],
  [/^the entry is number (\d+) of the (\d+) entries under the header's root$/, "条目是区块头之下 $2 条中的第 $1 条（从 0 起）"],
  [/^as of block (\d+) the invoice (\S+) was (\S+)$/, "截至区块 $1，发票 $2 的现状为 $3"],
  [/^every text on the (\d+) pages and their QR code say what the receipt says; the code leads to (.*)$/, "$1 页上的全部文字和二维码与收据一致；二维码指向 $2"],
  [/^the header is sealed by (.*) with (\d+) of (\d+) of the voting power$/, "区块头由 $1 签章，占表决权 $2 / $3"],
];

/** A sentence of what was covered, in Chinese. */
export function coveredInChinese(sentence) {
  const [pattern, chinese] = COVERED_CHINESE.find(([one]) => one.test(sentence)) ?? [/^/, ""];
  return chinese && sentence.replace(pattern, chinese);
}

/** Sentences of what a verdict does not cover, in Chinese by their English. */
export const NOT_COVERED_CHINESE = {
  "whether the entry was reversed, locked or booked later: ask the chain": "此后是否被红冲、锁定或入账：请向链查询",
  "whether the invoice was reversed, locked or booked after the header's block": "在该区块之后是否被红冲、锁定或入账",
  "whether the goods or services were delivered and the stated facts are true": "商品或服务是否真实交付、所述事实是否属实",
  "whether the address that the QR code leads to is the issuer's own site": "二维码指向的网址是否为开票服务方的网址",
  "the shapes and places of what the pages show, and the attached invoice.xml: piaolian verify compares them":
    "字形、位置及所附 invoice.xml：请用 piaolian verify 核对",
  "whether the rosters that were given are those of the consortium: the caller vouches for them":
    "所给成员名册是否确为联盟的名册：由您自行确认",
};
