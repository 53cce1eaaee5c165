#include "cli/demo_world.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "cli/demo_random.h"

#define ASKED(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

/* ---- who they are ---- */

#define TOKYO DEMO_REGION_TOKYO
#define KYOTO DEMO_REGION_KYOTO
#define ELSEWHERE 16 /* what only the chain can say: it has branches */
#define CHAIN (DEMO_REGION_TOKYO | DEMO_REGION_KYOTO | DEMO_REGION_KANAZAWA | DEMO_REGION_KAMAKURA)

/* In the order of demo_shop_names. Shops, people, addresses and telephone numbers are invented. */
/* clang-format off */
static const struct demo_profile profiles[] = {
    {.name = "Kimono One 浅草本店", .regions = CHAIN, .city = "东京", .address = "台东区浅草 1-12-3 二楼",
     .station = "浅草站 1 号口步行 3 分钟", .sights = "浅草寺、仲见世和隅田川边", .season = "4 月初的隅田公园樱花",
     .contact = "店长 佐藤惠 03-5550-0112", .opens = "9:00", .closes = "18:00", .returns = "17:30",
     .price_percent = 100, .share_percent = 100, .weight = 30, .model = "qwen-max"},
    {.name = "Kimono One 京都祇园店", .regions = CHAIN, .city = "京都", .address = "东山区祇园町南侧 570-8",
     .station = "京阪祇园四条站步行 5 分钟", .sights = "八坂神社、花见小路口和白川沿岸", .season = "11 月下旬的东山红叶",
     .contact = "店长 中村绫 075-555-0134", .opens = "9:00", .closes = "18:00", .returns = "17:30",
     .price_percent = 105, .share_percent = 100, .weight = 24, .model = "qwen-max"},
    {.name = "花筏和服 清水坂店", .regions = KYOTO, .city = "京都", .address = "东山区清水 3-319",
     .station = "清水道巴士站步行 6 分钟", .sights = "二年坂、八坂塔和清水寺门前", .season = "清水寺夜间特别参观的红叶",
     .contact = "李敏 075-555-0166", .opens = "8:30", .closes = "19:00", .returns = "18:30",
     .price_percent = 112, .share_percent = 88, .weight = 15, .model = "qwen-plus"},
    {.name = "京小袖 京都站前店", .regions = KYOTO, .city = "京都", .address = "下京区东盐小路町 721",
     .station = "京都站中央口步行 4 分钟", .sights = "东本愿寺、涉成园和京都塔", .season = "3 月末的渉成园垂樱",
     .contact = "田中美咲 075-555-0171", .opens = "8:00", .closes = "18:30", .returns = "18:00",
     .price_percent = 92, .share_percent = 80, .weight = 13, .model = "qwen-plus", .fate = DEMO_GROWS},
    {.name = "雷门小町着物馆", .regions = TOKYO, .city = "东京", .address = "台东区雷门 2-7-9",
     .station = "浅草站 2 号口步行 2 分钟", .sights = "雷门、传法院通和浅草寺五重塔", .season = "5 月的三社祭",
     .contact = "王雨晴 03-5550-0187", .opens = "9:00", .closes = "18:00", .returns = "17:00",
     .price_percent = 85, .share_percent = 75, .weight = 11, .model = "qwen-plus", .fate = DEMO_WORSENS},
    {.name = "浅草藤香和服体验", .regions = TOKYO, .city = "东京", .address = "台东区花川户 1-4-15",
     .station = "浅草站 5 号口步行 4 分钟", .sights = "隅田公园、吾妻桥和浅草寺", .season = "隅田公园的夜樱",
     .contact = "铃木香织 03-5550-0193", .opens = "9:30", .closes = "18:00", .returns = "17:30",
     .price_percent = 88, .share_percent = 62, .weight = 8, .model = "qwen-plus"},
    {.name = "隅田川浴衣屋", .regions = TOKYO, .city = "东京", .address = "墨田区吾妻桥 1-23-8",
     .station = "本所吾妻桥站步行 1 分钟", .sights = "隅田川露台和晴空塔脚下", .season = "7 月最后一个星期六的隅田川花火大会",
     .contact = "高桥 03-5550-0205", .opens = "10:00", .closes = "20:00", .returns = "19:30",
     .price_percent = 70, .share_percent = 38, .weight = 5, .model = "qwen-turbo"},
    {.name = "金泽雪吊和服", .regions = DEMO_REGION_KANAZAWA, .city = "金泽", .address = "金泽市兼六町 2-20",
     .station = "兼六园下巴士站步行 2 分钟", .sights = "兼六园、金泽城和长町武家屋敷", .season = "12 月起兼六园的雪吊",
     .contact = "山田雪 076-555-0118", .opens = "9:30", .closes = "17:30", .returns = "17:00",
     .price_percent = 95, .share_percent = 64, .weight = 6, .model = "qwen-plus"},
    {.name = "东茶屋 加贺友禅着物馆", .regions = DEMO_REGION_KANAZAWA, .city = "金泽", .address = "金泽市东山 1-13-21",
     .station = "桥场町巴士站步行 4 分钟", .sights = "东茶屋街、主计町茶屋街和浅野川", .season = "6 月的百万石祭",
     .contact = "前田 076-555-0129", .opens = "10:00", .closes = "17:30", .returns = "17:00",
     .price_percent = 130, .share_percent = 52, .weight = 4, .model = "qwen-plus"},
    {.name = "镰仓由比着物", .regions = DEMO_REGION_KAMAKURA, .city = "镰仓", .address = "镰仓市由比滨 2-8-14",
     .station = "江之电由比滨站步行 3 分钟", .sights = "高德院大佛、长谷寺和由比滨海边", .season = "6 月长谷寺的绣球花",
     .contact = "伊藤 0467-55-0142", .opens = "9:30", .closes = "17:30", .returns = "17:00",
     .price_percent = 98, .share_percent = 58, .weight = 5, .model = "qwen-plus", .fate = DEMO_SYNC_FAILS},
    {.name = "小町通 紫阳花和服店", .regions = DEMO_REGION_KAMAKURA, .city = "镰仓", .address = "镰仓市小町 2-9-5",
     .station = "镰仓站东口步行 5 分钟", .sights = "鹤冈八幡宫、小町通和段葛", .season = "6 月明月院的绣球花",
     .contact = "周晓 0467-55-0157", .opens = "9:30", .closes = "17:30", .returns = "17:00",
     .price_percent = 90, .share_percent = 46, .weight = 4, .model = "qwen-turbo"},
    {.name = "岚山竹里和服", .regions = KYOTO, .city = "京都", .address = "右京区嵯峨天龙寺造路町 5",
     .station = "岚电岚山站步行 1 分钟", .sights = "渡月桥、竹林小径和天龙寺", .season = "11 月中旬的岚山红叶",
     .contact = "小林 075-555-0183", .opens = "9:00", .closes = "17:30", .returns = "17:00",
     .price_percent = 96, .share_percent = 60, .weight = 6, .model = "qwen-plus"},
    {.name = "伏见朱华着物体验", .regions = KYOTO, .city = "京都", .address = "伏见区深草薮之内町 40",
     .station = "JR 稻荷站步行 2 分钟", .sights = "伏见稻荷大社的千本鸟居", .season = "元旦初诣的伏见稻荷",
     .contact = "赵倩 075-555-0199", .opens = "9:00", .closes = "17:30", .returns = "17:00",
     .price_percent = 84, .share_percent = 42, .weight = 4, .model = "qwen-turbo", .fate = DEMO_FALLS_SILENT},
    {.name = "奈良若草和服", .city = "奈良", .address = "奈良市东向中町 12",
     .station = "近铁奈良站步行 3 分钟", .sights = "奈良公园、东大寺和浮见堂", .season = "1 月的若草山烧山",
     .contact = "山本 0742-55-0121", .opens = "9:30", .closes = "17:30", .returns = "17:00",
     .price_percent = 86, .share_percent = 55, .weight = 4, .model = "qwen-plus"},
    {.name = "川越时之钟着物屋", .city = "川越", .address = "川越市幸町 7-3",
     .station = "本川越站步行 12 分钟", .sights = "时之钟、一番街藏造老街和冰川神社", .season = "10 月的川越祭",
     .contact = "森 049-555-0133", .opens = "10:00", .closes = "17:30", .returns = "17:00",
     .price_percent = 76, .share_percent = 34, .weight = 3, .model = "qwen-turbo"},
    {.name = "大阪道顿堀 四季和服", .city = "大阪", .address = "大阪市中央区道顿堀 1-6-4",
     .station = "难波站 14 号口步行 4 分钟", .sights = "道顿堀、法善寺横丁和大阪城", .season = "7 月的天神祭",
     .contact = "林佳怡 06-5550-0172", .opens = "9:30", .closes = "19:00", .returns = "18:30",
     .price_percent = 82, .share_percent = 70, .weight = 8, .model = "qwen-plus", .fate = DEMO_IMPORT_FAILS},
    {.name = "箱根汤烟浴衣馆", .city = "箱根", .address = "箱根町汤本 691",
     .station = "箱根汤本站步行 3 分钟", .sights = "汤本商店街、早川河边和箱根神社", .season = "8 月的箱根大文字烧",
     .contact = "石井 0460-55-0114", .opens = "10:00", .closes = "18:00", .returns = "17:30",
     .price_percent = 74, .share_percent = 28, .weight = 2.5, .model = "qwen-turbo",
     .fate = DEMO_SUSPENDED, .fate_reason = "合同 10 月底到期，续约沟通中"},
    {.name = "札幌雪椿着物", .city = "札幌", .address = "札幌市中央区南二条西 4-10",
     .station = "大通站 10 号口步行 2 分钟", .sights = "大通公园、时计台和北海道神宫", .season = "2 月的札幌雪祭",
     .contact = "佐佐木 011-555-0147", .opens = "10:00", .closes = "18:00", .returns = "17:30",
     .price_percent = 90, .share_percent = 48, .weight = 3, .model = "qwen-plus"},
    {.name = "博多织月和服", .city = "福冈", .address = "福冈市博多区上川端町 9-15",
     .station = "中洲川端站 5 号口步行 3 分钟", .sights = "栉田神社、川端商店街和大濠公园", .season = "7 月的博多祇园山笠",
     .contact = "原田 092-555-0158", .opens = "9:30", .closes = "18:00", .returns = "17:30",
     .price_percent = 80, .share_percent = 44, .weight = 3, .model = "qwen-turbo"},
    {.name = "那霸红型琉装体验", .city = "那霸", .address = "那霸市牧志 2-3-1",
     .station = "单轨牧志站步行 4 分钟", .sights = "国际通、壶屋和首里城公园", .season = "10 月底的首里城祭",
     .contact = "比嘉 098-555-0169", .opens = "10:00", .closes = "19:00", .returns = "18:30",
     .price_percent = 78, .share_percent = 32, .weight = 2.5, .model = "qwen-turbo",
     .fate = DEMO_SUSPENDED, .fate_reason = "两次提醒后仍在答复中留微信私下收款，等店家整改"},
    {.name = "西安长安十二时汉服馆", .is_hanfu = true, .city = "西安", .address = "雁塔区大唐不夜城步行街北口",
     .station = "大雁塔地铁站 D 口步行 5 分钟", .sights = "大唐不夜城、大雁塔和城墙南门", .season = "春节期间的不夜城灯会",
     .contact = "马婷 029-5550-0188", .opens = "10:00", .closes = "22:00", .returns = "21:30",
     .price_percent = 100, .share_percent = 100, .weight = 12, .model = "qwen-plus", .fate = DEMO_GROWS},
    {.name = "杭州西湖云裳汉服体验", .is_hanfu = true, .city = "杭州", .address = "上城区南山路 147 号",
     .station = "龙翔桥地铁站步行 9 分钟", .sights = "断桥、曲院风荷和小河直街", .season = "7 月的西湖荷花",
     .contact = "陈思 0571-5550-0173", .opens = "9:00", .closes = "19:00", .returns = "18:30",
     .price_percent = 115, .share_percent = 92, .weight = 7, .model = "qwen-plus"},
    {.name = "苏州平江路 簪花小筑", .is_hanfu = true, .city = "苏州", .address = "姑苏区平江路 68 号",
     .station = "相门地铁站步行 8 分钟", .sights = "平江路河边、拙政园和耦园", .season = "春分前后的园林海棠",
     .contact = "顾盼 0512-5550-0164", .opens = "9:00", .closes = "20:00", .returns = "19:30",
     .price_percent = 95, .share_percent = 80, .weight = 5, .model = "qwen-plus", .fate = DEMO_NEW},
    {.name = "成都锦里锦瑟汉服", .is_hanfu = true, .city = "成都", .address = "武侯区武侯祠大街 231 号",
     .station = "高升桥地铁站步行 10 分钟", .sights = "锦里、武侯祠红墙和望江楼", .season = "秋天的武侯祠银杏",
     .contact = "唐果 028-5550-0156", .opens = "9:30", .closes = "21:00", .returns = "20:30",
     .price_percent = 88, .share_percent = 70, .weight = 4, .model = "qwen-turbo"},
    {.name = "洛阳应天门霓裳汉服馆", .is_hanfu = true, .city = "洛阳", .address = "西工区定鼎南路应天门遗址西侧",
     .station = "应天门地铁站步行 4 分钟", .sights = "应天门、明堂天堂和洛邑古城", .season = "4 月的牡丹文化节",
     .contact = "郑洁 0379-5550-0145", .opens = "9:30", .closes = "21:30", .returns = "21:00",
     .price_percent = 80, .share_percent = 62, .weight = 4, .model = "qwen-turbo"},
};
/* clang-format on */

/* Of those that nobody has written: a size by Zipf's law, the rest drawn. */
static struct demo_profile compose_profile(size_t index, uint64_t seed, struct demo_composed *buffer)
{
    static const char *const hours[][3] = {{"9:00", "18:00", "17:30"},
                                           {"9:30", "17:30", "17:00"},
                                           {"10:00", "18:30", "18:00"},
                                           {"8:30", "19:00", "18:30"}};
    struct demo_random random = demo_random_for(seed, 5000000 + index);
    size_t at = index - ARRAY_SIZE(profiles),
           round = at / demo_shop_name_head_count / demo_shop_name_tail_count;
    const char *head = demo_shop_name_heads[at % demo_shop_name_head_count];
    const char *tail = demo_shop_name_tails[at / demo_shop_name_head_count % demo_shop_name_tail_count];
    const char *const *hour = hours[demo_random_below(&random, ARRAY_SIZE(hours))];
    if (round == 0)
        snprintf(buffer->name, sizeof(buffer->name), "%s%s", head, tail);
    else
        snprintf(buffer->name, sizeof(buffer->name), "%s%s %zu号店", head, tail, round + 1);
    snprintf(buffer->address, sizeof(buffer->address), "%s本町 %zu-%zu", head,
             1 + demo_random_below(&random, 5), 1 + demo_random_below(&random, 30));
    snprintf(buffer->station, sizeof(buffer->station), "最近的车站步行 %zu 分钟",
             2 + demo_random_below(&random, 12));
    snprintf(buffer->contact, sizeof(buffer->contact), "店长 0%zu0-5550-%04zu",
             7 + demo_random_below(&random, 3), 100 + demo_random_below(&random, 9900));
    return (struct demo_profile){
        .name = buffer->name,
        .city = head,
        .address = buffer->address,
        .station = buffer->station,
        .sights = "老街和附近的神社",
        .season = "春天的樱花和秋天的红叶",
        .contact = buffer->contact,
        .opens = hour[0],
        .closes = hour[1],
        .returns = hour[2],
        .price_percent = 72 + (int)demo_random_below(&random, 50),
        .share_percent = 30 + (int)demo_random_below(&random, 65),
        .weight = 120 / pow((double)index + 3, 1.05),
        .model = demo_random_unit(&random) < 0.75 ? "qwen-plus" : "qwen-turbo",
        /* one of twelve is suspended */
        .fate = index % 12 == 5 ? DEMO_SUSPENDED : DEMO_STEADY,
        .fate_reason = "合同到期，续约沟通中",
    };
}

struct demo_profile demo_profile_of(size_t index, uint64_t seed, struct demo_composed *buffer)
{
    return index < ARRAY_SIZE(profiles) ? profiles[index] : compose_profile(index, seed, buffer);
}

/* ---- what they answer ---- */

/* About the shop itself; what is right for a kimono shop is right for a hanfu studio. */
static const struct demo_pair own_pairs[] = {
    {"门店", "你们店在哪里，怎么走？", "{name}在{city}{address}，{station}。",
     ASKED("店在哪里", "怎么走啊", "地址发一下", "how to get there 地址", "离车站远吗")},
    {"门店", "{city}店几点开门、几点关门？",
     "每天 {opens} 开门，{closes} 关门；最晚请在关门前两小时到店选衣。", /* hours of its own */
     ASKED("几点开门", "营业时间", "晚上几点关门", "opening hours", "现在还开着吗")},
    {"政策", "当天最晚几点要还？", "当天请在 {returns} 以前还到{city}店里，来不及请先打电话告诉我们。",
     ASKED("最晚几点还", "几点前要还", "还衣服时间", "return time 几点")},
    {"摄影", "附近去哪里拍照好看？", "出店就能拍{sights}，店员会给您一张手绘的散步路线图。",
     ASKED("哪里拍照好看", "拍照景点推荐", "附近景点", "photo spot 推荐")},
    {"天气季节", "什么时候来最好看？", "我们最推荐{season}，那几天请提前两到三周预约。",
     ASKED("什么季节去好", "最佳时间", "几月去最好看", "best season 什么时候")},
    {"门店", "怎么联系你们店？",
     "直接在这里留言就可以，营业时间内十分钟左右回复；到店当天请打预约邮件里的电话。",
     ASKED("怎么联系", "电话多少", "有客服吗 联系方式", "contact 店家")},
};

/* What names any of these is about that region; a shop elsewhere doesn't say it. */
static const struct {
    unsigned region;
    const char *place;
} places[] = {
    {TOKYO, "浅草"},
    {TOKYO, "雷门"},
    {TOKYO, "仲见世"},
    {TOKYO, "东京"},
    {TOKYO, "银座"},
    {TOKYO, "隅田"},
    {KYOTO, "京都"},
    {KYOTO, "祇园"},
    {KYOTO, "清水"},
    {KYOTO, "八坂"},
    {KYOTO, "岚山"},
    {KYOTO, "花见小路"},
    {KYOTO, "金阁"},
    {KYOTO, "伏见"},
    {KYOTO, "舞妓"},
    {KYOTO, "二年坂"},
    {KYOTO, "三年坂"},
    {DEMO_REGION_KANAZAWA, "金泽"},
    {DEMO_REGION_KAMAKURA, "镰仓"},
    {ELSEWHERE, "大阪"},
    {ELSEWHERE, "奈良"},
    {ELSEWHERE, "各店"},
    {ELSEWHERE, "所有门店"},
};

static unsigned regions_named(const char *text)
{
    unsigned named = 0;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (strstr(text, places[i].place))
            named |= places[i].region;
    return named;
}

size_t demo_items_count(const struct demo_profile *profile)
{
    return ARRAY_SIZE(own_pairs) + (profile->is_hanfu ? demo_hanfu_pair_count : demo_pair_count);
}

static bool question_is_template(const char *question)
{
    static const char *const shared[] = {
        "如何修改预约时间？",
        "没收到预约确认邮件怎么办？",
        "退款几天能到账？",
        "下雨可以免费改期吗？",
        "预约时填写的个人信息会怎么处理？",
        "和服的衣襟哪边在上？",
        "可以用支付宝或微信付款吗？",
        "租和服可以免税吗？",
        "归还前需要自己洗干净吗？",
        "怎么转接人工客服？",
        "听障客人可以怎么沟通？",
        "线上付款失败怎么办？",
    };
    for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
        if (strcmp(question, shared[i]) == 0)
            return true;
    return false;
}

/* What holds of each place of the corpus for every shop, found out once. */
#define CORPUS_MAX 512
static unsigned corpus_regions[CORPUS_MAX];
static bool corpus_templates[CORPUS_MAX];

static void classify_corpus(void)
{
    for (size_t i = 0; i < demo_pair_count && i < CORPUS_MAX; i++) {
        corpus_regions[i] = regions_named(demo_pairs[i].question) | regions_named(demo_pairs[i].answer);
        corpus_templates[i] = question_is_template(demo_pairs[i].question);
    }
}

static void classify_corpus_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, classify_corpus);
}

size_t demo_items_own(void)
{
    return ARRAY_SIZE(own_pairs);
}

bool demo_is_template(size_t corpus_place)
{
    classify_corpus_once();
    return corpus_templates[corpus_place];
}

struct demo_item demo_item_at(const struct demo_profile *profile, size_t place)
{
    bool is_own = place < ARRAY_SIZE(own_pairs);
    size_t at = is_own ? place : place - ARRAY_SIZE(own_pairs);
    const struct demo_pair *pair = is_own              ? &own_pairs[at]
                                   : profile->is_hanfu ? &demo_hanfu_pairs[at]
                                                       : &demo_pairs[at];
    return (struct demo_item){pair->category, pair->question, pair->answer, pair->asked,
                              !is_own && !profile->is_hanfu && demo_is_template(at)};
}

bool demo_item_fits(const struct demo_profile *profile, size_t place)
{
    classify_corpus_once();
    if (profile->is_hanfu || place < ARRAY_SIZE(own_pairs) || profile->regions == CHAIN)
        return true;
    return (corpus_regions[place - ARRAY_SIZE(own_pairs)] & ~profile->regions) == 0;
}

/* ---- how they say it ---- */

struct saying {
    const struct demo_profile *profile;
    char *out;
    size_t size, length;
};

static void saying_append(struct saying *saying, const char *text, size_t length)
{
    size_t room = saying->size - 1 - saying->length;
    length = length <= room ? length : utf8_cut(text, length, room);
    memcpy(saying->out + saying->length, text, length);
    saying->length += length;
}

/* "1,650" and the like; how many bytes of the text it takes. */
static size_t read_price(const char *text, long *ret_price)
{
    size_t length = 0;
    long price = 0;
    while (isdigit((unsigned char)text[length]) ||
           (text[length] == ',' && isdigit((unsigned char)text[length + 1]))) {
        price = text[length] == ',' ? price : price * 10 + (text[length] - '0');
        length++;
    }
    *ret_price = price;
    return length;
}

/* As a shop would round it. */
static void saying_append_price(struct saying *saying, long price)
{
    long percent = saying->profile->price_percent;
    long step = price >= 3000 ? 100 : price >= 500 ? 50 : price >= 100 ? 10 : 1;
    long own = percent == 100 ? price : (price * percent / 100 + step / 2) / step * step;
    char text[32];
    int length = own >= 1000 ? snprintf(text, sizeof(text), "%ld,%03ld", own / 1000, own % 1000)
                             : snprintf(text, sizeof(text), "%ld", own);
    saying_append(saying, text, (size_t)length);
}

/* A word of the chain, or a place for the shop's own; how many bytes of the text it takes, 0: none stands here. */
static size_t saying_append_own_word(struct saying *saying, const char *text, bool follows_digit)
{
    const struct demo_profile *p = saying->profile;
    const struct {
        const char *from, *to;
    } words[] = {
        {"{name}", p->name},       {"{city}", p->city},     {"{address}", p->address},
        {"{station}", p->station}, {"{sights}", p->sights}, {"{season}", p->season},
        {"{opens}", p->opens},     {"{closes}", p->closes}, {"{returns}", p->returns},
        {"17:30", p->returns},     {"18:00", p->closes},    {"9:00", p->opens},
    };
    for (size_t i = 0;
         i < ARRAY_SIZE(words) && (*text == '{' || (isdigit((unsigned char)*text) && !follows_digit)); i++) {
        size_t length = strlen(words[i].from);
        if (strncmp(text, words[i].from, length) != 0 ||
            (*text != '{' && isdigit((unsigned char)text[length])))
            continue;
        saying_append(saying, words[i].to, strlen(words[i].to));
        return length;
    }
    return 0;
}

void demo_say(const struct demo_profile *profile, const char *text, char *out, size_t size)
{
    static const char yen[] = "¥";
    struct saying saying = {profile, out, size, 0};
    bool follows_digit = false;
    while (*text) {
        long price;
        size_t taken = saying_append_own_word(&saying, text, follows_digit);
        if (taken == 0 && strncmp(text, yen, strlen(yen)) == 0) {
            saying_append(&saying, yen, strlen(yen));
            taken = strlen(yen);
            size_t digits = read_price(text + taken, &price);
            if (digits > 0)
                saying_append_price(&saying, price);
            taken += digits;
        } else if (taken == 0) {
            saying_append(&saying, text, 1);
            taken = 1;
        }
        follows_digit = isdigit((unsigned char)text[taken - 1]);
        text += taken;
    }
    out[utf8_cut(out, saying.length, saying.length)] = '\0';
}

/* ---- what nobody has written down yet ---- */

const struct demo_gap demo_gaps[] = {
    {"盔甲和武士刀能租吗", "没有盔甲和武士刀，可以借两把木制的道具刀在店里拍照，不收费。"},
    {"忍者服有没有", "没有忍者服，男士可以选袴配羽织。"},
    {"可以穿着去骑自行车吗", "不建议骑车，下摆会卷进链条；要走远路请坐公交或打车。"},
    {"有没有左撇子也好拿的手提包", "手提包都是对称的，左右手都可以拿。"},
    {"戴眼镜好看吗会不会奇怪", "很多客人戴眼镜，细框的最搭；店里也有化妆台可以换隐形眼镜。"},
    {"店里可以打印照片吗", "可以打印，四寸照片每张收成本价，当场能拿。"},
    {"能不能把我的行李箱贴个标签", "寄存的行李都会贴号码牌，取的时候对号即可。"},
    {"你们用的梳子消毒吗", "梳子每位客人用过后都用紫外线消毒，也可以用自己的。"},
    {"穿这个能坐人力车吗", "可以坐，上车时店员会教您怎么把下摆拢好。"},
    {"宠物寄存可以吗", "店里没有宠物寄存的地方，五公斤以下的请装在笼子里随身带。"},
    {"可以拿走一次性袜子吗", "一次性的袜子可以带走，其他配件请归还。"},
    {"店里有没有充电宝租", "前台可以免费借充电宝，当天归还。"},
    {"耳洞会不会勾到衣服", "大耳环容易勾线，换装前请先取下，店里有首饰盒可以放。"},
    {"店里能不能喝水吃东西", "休息区可以喝水，换好衣服以后请不要在店里吃东西。"},
};
const size_t demo_gap_count = ARRAY_SIZE(demo_gaps);
