//! Receipts of invoices with many words, made without a service: what documents are measured on. Signatures, seals and header are true;
//! the way to the root is noise of the length that it has among a million entries.

use serde_json::{Value, json};

use super::load;
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId};
use crate::base::{Code, Fault, Faults, LegalDate, Secret, UnixMs};
use crate::chain::canonical::{Edition, to_canonical};
use crate::chain::hash::{header_hash, keccak256};
use crate::chain::header::Header;
use crate::chain::issuer::IssuerKey;
use crate::chain::receipt::Receipt;
use crate::chain::roster::{Member, MemberName, Roster};
use crate::chain::seal::SealKey;
use crate::chain::seal_all;
use crate::invoice::{CheckPolicy, Document, Draft, NumberSequence, Seller, Severity};
use crate::ledger::entry::{ENTRY_VERSION, Entry, Kind};

/// 2026-11-22, noon in Shenzhen.
const TIME: UnixMs = UnixMs(1_795_320_000_000);

/// Siblings on the way to the root among a million entries.
const PROOF_HASHES: u64 = 20;

/// Words of names: of each party one of each row.
const NAMES: [&[&str]; 4] = [
    &[
        "深圳市",
        "广州市",
        "东莞市",
        "珠海横琴",
        "佛山市顺德区",
        "惠州大亚湾",
        "中山市火炬区",
        "深圳前海",
        "汕头市澄海区",
        "湛江市",
    ],
    &[
        "鹏程万里",
        "海纳百川",
        "金蝶飞舞",
        "云帆沧海",
        "璟煊",
        "瀚宇",
        "鑫淼",
        "晟睿",
        "卓越非凡",
        "博雅",
        "翰墨书香",
        "栀子花开",
        "麒麟",
        "凤凰木",
    ],
    &[
        "供应链管理",
        "信息技术",
        "餐饮娱乐",
        "酒店投资",
        "教育咨询",
        "医疗器械",
        "物业服务",
        "文化传播",
        "生物制药",
        "新能源汽车",
        "跨境电商",
    ],
    &["有限公司", "股份有限公司", "（集团）有限公司", "有限责任公司", "合伙企业（有限合伙）"],
];

/// Places, streets, banks.
const STREETS: &[&str] = &[
    "南山区粤海街道科苑南路",
    "福田区莲花街道益田路",
    "罗湖区桂园街道深南东路",
    "宝安区西乡街道宝源路",
    "龙岗区坂田街道雪岗路",
    "盐田区沙头角深盐路",
    "光明区凤凰街道观光路",
    "坪山区马峦街道比亚迪路",
    "龙华区民治街道梅龙大道",
    "大鹏新区葵涌街道金岭路",
];
const BANKS: &[&str] = &[
    "中国工商银行深圳高新园支行",
    "招商银行深圳分行营业部",
    "平安银行深圳福田支行",
    "中国建设银行深圳罗湖支行",
    "宁波银行深圳财富港支行",
    "微众银行",
];

/// What is sold: category, name, specification, unit, classification.
const GOODS: &[[&str; 5]] = &[
    ["餐饮服务", "潮汕砂锅粥配清蒸石斑鱼", "例牌", "份", "3070401000000000000"],
    ["餐饮服务", "虾饺烧卖肠粉早茶拼盘", "四人", "套", "3070401000000000000"],
    ["住宿服务", "豪华海景双床房含双早", "标准", "间夜", "3070402000000000000"],
    ["会展服务", "多功能厅场地租赁与音响", "半天", "场", "3040502020000000000"],
    ["纸制文具及用品", "无线胶装横格笔记本", "A5-100", "本", "1060105040000000000"],
    ["纸制文具及用品", "环保再生静电复印纸", "80g/A4", "箱", "1060105040000000000"],
    ["餐饮服务", "姜葱炒蟹与白灼基围虾", "大份", "碟", "3070401000000000000"],
    ["餐饮服务", "椰子鸡火锅底料竹荪", "锅", "锅", "3070401000000000000"],
    ["住宿服务", "行政套房延迟退房附加", "小时", "次", "3070402000000000000"],
    ["会展服务", "同声传译耳机及布展搭建", "百人", "天", "3040502020000000000"],
    ["餐饮服务", "桂花酸梅汤冻柠檬茶", "大杯", "杯", "3070401000000000000"],
    ["餐饮服务", "黑椒牛仔骨配薯蓉", "双拼", "客", "3070401000000000000"],
];

const PEOPLE: &[&str] =
    &["欧阳雪莹", "陈伟强", "刘䶮", "黄晓琳", "司徒慧娴", "李佩珊", "张国栋", "林婉仪", "谢梓涵", "彭嘉骏"];

fn broken(what: &str) -> Fault {
    Fault::new(Code::Internal, "", what)
}

/// What is the same of all receipts.
pub struct Issuing {
    chain: ChainId,
    header: String,
    seals: Vec<crate::chain::seal::Seal>,
    issuer: IssuerKey,
}

impl Issuing {
    /// Makes keys and a sealed header.
    ///
    /// # Errors
    /// Only if this program contradicts itself.
    pub fn begin() -> Result<Self, Faults> {
        let chain = ChainId::try_from("bench-sandbox".to_owned())?;
        let secret = |name: &str| Secret::new(keccak256(format!("piaolian bench documents {name}")).0);
        let named = ["kingdee", "tax-bureau", "tencent"].map(|name| -> Result<(MemberName, SealKey), Fault> {
            Ok((MemberName::try_from(name)?, SealKey::from_secret(&secret(name))?))
        });
        let members = named.into_iter().collect::<Result<Vec<_>, _>>()?;
        let founders = members.iter().map(|(name, key)| Member { name: name.clone(), power: 1, key: key.public() });
        let roster = Roster::new(chain.clone(), 0, founders.collect())?;
        let keys: Vec<(&MemberName, &SealKey)> = members.iter().map(|(name, key)| (name, key)).collect();
        let proposer = MemberName::try_from("kingdee")?;
        let header = Header::genesis(&roster, TIME, proposer).to_text()?;
        let seals = seal_all(&keys, &chain, 0, 0, &header_hash(&header))?;
        Ok(Self { chain, header, seals, issuer: IssuerKey::from_secret(&secret("merchant"))? })
    }

    /// The receipt of the `nth` invoice of so many lines: the same each time.
    ///
    /// # Errors
    /// Only if this program contradicts itself.
    pub fn receipt(&self, lines: u64, nth: u64) -> Result<Receipt, Faults> {
        let mut draw = Draw(
            keccak256(format!("{lines} {nth}"))
                .0
                .iter()
                .fold(1, |state, byte| state.wrapping_mul(257).wrapping_add(u64::from(*byte))),
        );
        let seller = Seller {
            name: draw.name(),
            taxpayer_id: format!("91440300{:09}X", nth.saturating_mul(7_919)),
            address_phone: Some(draw.address()),
            bank_account: Some(draw.account()),
        };
        let draft: Draft = serde_json::from_value(draft(lines, &mut draw)).map_err(|e| broken(&e.to_string()))?;
        let date = LegalDate::of(TIME)?;
        let (merchant, policy) = (
            MerchantId::nth(1).ok_or_else(|| broken("no merchant"))?,
            CheckPolicy { uscc_check_digit: Severity::Warn },
        );
        let (checked, _) = draft.check(&seller, &self.chain, &merchant, date, &policy)?;
        let id = NumberSequence::of(Document::BlockchainOrdinary, date).nth(nth.saturating_add(1))?;
        let key = format!("bench-{lines}-{nth}");
        let entry = Entry {
            v: ENTRY_VERSION,
            chain: self.chain.clone(),
            index: nth,
            kind: Kind::Issue,
            time: TIME,
            merchant: Some(merchant),
            request: Some(keccak256(&key)),
            key: Some(IdempotencyKey::try_from(key)?),
            seq: Some(nth.saturating_add(1)),
            confirmation: None,
            body: None,
            code: Some(id.code),
            number: Some(id.number),
            date: Some(date),
            issuer: Some(self.issuer.address()),
            signature: Some(self.issuer.sign(&to_canonical(&checked)?)),
            draft: Some(checked),
        };
        Ok(Receipt {
            v: Edition::First,
            chain: self.chain.clone(),
            entry: to_canonical(&entry)?,
            index: nth,
            proof: (0..PROOF_HASHES).map(|at| keccak256(format!("sibling {nth} {at}"))).collect(),
            header: self.header.clone(),
            seals: self.seals.clone(),
            state: None,
        })
    }
}

fn draft(lines: u64, draw: &mut Draw) -> Value {
    let mut draft = load::draft().get_mut("draft").map(Value::take).unwrap_or_default();
    let mut total = 0u64;
    let sold: Vec<Value> = (0..lines)
        .map(|_| {
            let [category, name, specification, unit, classification] = draw.of(GOODS).copied().unwrap_or_default();
            let (quantity, price) = (draw.below(20).saturating_add(1), draw.below(500).saturating_add(1));
            let amount = quantity.saturating_mul(price).saturating_mul(100);
            total = total.saturating_add(amount);
            json!({
                "category": category, "name": name, "specification": specification, "unit": unit, "classification": classification,
                "quantity": quantity.to_string(), "price": price.to_string(), "amount": amount, "rate": 600,
            })
        })
        .collect();
    let mut put = |place: &str, value: Value| {
        let (within, name) = place.rsplit_once('/').unwrap_or_default();
        if let Some(object) = draft.pointer_mut(within).and_then(Value::as_object_mut) {
            object.insert(name.to_owned(), value);
        }
    };
    put("/lines", Value::Array(sold));
    put("/total", json!(total));
    put("/buyer/name", json!(draw.name()));
    put("/buyer/address_phone", json!(draw.address()));
    put("/buyer/bank_account", json!(draw.account()));
    let contract = draw.below(1_000_000);
    put("/remark", json!(format!("合同编号 PL-HT-{contract:06}，请于三十日内付款，逾期按日计收违约金。")));
    for role in ["/payee", "/reviewer", "/drawer"] {
        put(role, json!(draw.of(PEOPLE).copied().unwrap_or_default()));
    }
    draft
}

/// Draws from lists, the same each time (the multiplier is Knuth's for MMIX).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).checked_rem(bound).unwrap_or(0)
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let at = self.below(u64::try_from(list.len()).unwrap_or(1));
        usize::try_from(at).ok().and_then(|at| list.get(at))
    }

    fn name(&mut self) -> String {
        NAMES.iter().filter_map(|row| self.of(row).copied()).collect()
    }

    fn address(&mut self) -> String {
        let street = self.of(STREETS).copied().unwrap_or_default();
        format!("{street}{}号 0755-{:08}", self.below(900).saturating_add(1), self.below(100_000_000))
    }

    fn account(&mut self) -> String {
        let bank = self.of(BANKS).copied().unwrap_or_default();
        format!("{bank} {:015}", self.below(1_000_000_000_000))
    }
}
