"""The offline assistant in Chinese, as a table."""

import re

from gateway.agent.models.offline.language import Intent, Rule, Speech, Talk


def _rule(intent: Intent, pattern: str, default: str = "") -> Rule:
    return Rule(intent, re.compile(pattern, re.IGNORECASE | re.DOTALL), default)


_MODEL = "语言模型在 config.toml 的 `[model]` 里配置。"

_TALK = Talk(
    help=(
        "我是离线助手，不需要密钥，也不需要网络。我能做的：\n\n"
        "- `提醒我20分钟后伸展`、`明天早上9点提醒我给Bob打电话`\n"
        "- `每个工作日上午9点提醒我写日报`\n"
        "- `有什么提醒`\n"
        "- `改成晚上8点`、`推迟到明天`、`内容改成 写周报`\n"
        "- `取消日报`、`暂停日报`、`恢复日报`、`全部删除`\n"
        "- 提醒之后：`好了`、`10分钟后再提醒我`、`明天再说`\n"
        "- `每天9点提醒我吃药，每10分钟催我一次直到完成`\n"
        "- `每5分钟看一下 https://example.com 有变化告诉我`\n\n"
        f"聊天、查资料和写文章需要语言模型。{_MODEL}"
    ),
    hello="你好！我可以提醒你：`提醒我20分钟后伸展`。`帮助` 列出全部。",
    thanks="不客气。",
    now="现在是 {now} ({zone})。",
    no_now="没有人告诉我现在几点。",
    zone="这里按 {zone} 读时间，那里现在是 {now}。`/timezone Asia/Shanghai` 可以更改。",
    watch="我可以关注一个网址：`每5分钟看一下 https://example.com 有变化告诉我`。更多的需要语言模型。",
    watching="关注 {url}，有变化时告诉我。",
    page_changed="{url} 有变化：",
    more_lines="…（还有 {count} 行）",
    unreachable="{url} 读不到了，恢复之前不再重复：{why}",
    unread="{url} 还读不到，读到之前不再重复：{why}",
    first_read="现在可以读到这个网页，有变化时我会说。",
    first_unread="但现在读不到 {url}，到时间会再试：{why}",
    sure="这些都会受影响：\n{jobs}\n\n确定的话，请说 `确定全部删除`。",
    when="什么时候说“{say}”？例如 `20分钟后`、`明天早上9点`、`每个工作日上午9点`。",
    what="{phrase} 要说什么？请写 `{phrase}提醒我…`。",
    make=f"没有语言模型，我只能按时说固定的话，不能做“{{what}}”。{_MODEL}",
    unsure="没有语言模型我不能聊天。如果这是提醒，请写 `{phrase}提醒我…`。`帮助` 列出我懂的。",
    about="提醒什么？请回复您指的那条消息，或者写明内容：`{phrase}提醒我…`。",
    unclear="我不明白其中的“{odd}”。请把整句话再写一次，例如 `明天上午9点提醒我…`。",
    dropped="好的，没有安排任何事。",
    kept="好的，什么都没有删除。",
    gone="这个任务已经不在了：已被删除，或者已经结束。`有什么提醒` 会列出全部。",
    removed="“{job}”已经删除了。`有什么提醒` 会列出全部；想恢复的话，请重新写一次。",
    leave="在终端里按 Ctrl-C 结束；在聊天里不用结束什么。",
    no_match="没有找到“{what}”。`有什么提醒` 会列出全部。",
    several="是哪一个？请带上名字或编号再说一次：\n{jobs}",
    whole_time="请给出完整的时间，例如 `把{job}改成每个工作日上午8点`。",
    which_half="“{clock}”是 {early} 还是 {late}？请写 `改成{late}`。",
    model=_MODEL,
    other=f"我没有听懂。我是离线助手，懂提醒和安排（`帮助` 说明怎么写），不能聊天或查资料。{_MODEL}",
    short="我没有听懂。`帮助` 列出我懂的。",
    no_tool="这里不能安排任务，没有语言模型也做不了别的。",
    no_text="我只能读文字。",
    unopened="我还不能打开图片、文件或录音。",
    too_long="超过了我能看的 {most} 个字，所以什么都没有做。`/remind in 20 minutes` 后面可以写最多 20000 个字。",
    scheduled="定时任务：{prompt}",
)

_IT = "(?:它|这个|那个|这条|那条)?"
_CHANGE = "(?:改成|改到|改为|挪到|移到|推迟到|提前到|换成)"
_HALF = "上午|下午|晚上|早上|中午|凌晨|傍晚"
_CLOCK = (
    rf"(?P<half>{_HALF})?(?P<hour>[0-9]{{1,2}})(?:[:：](?P<minute>[0-9]{{2}})|点(?:钟|整)?)|(?P<word>中午|午夜)"
)
_INSIDE = (
    rf"(?P<half>{_HALF})?(?:(?P<hour>[0-9]{{1,2}})[:：](?P<minute>[0-9]{{2}})"
    r"|(?P<hour2>[0-9]{1,2})点(?:半|[0-9]{1,2}分?|钟|整)?)"
)
_NUMBER = "(?:[0-9]{1,6}|[一二两三四五六七八九十半]{1,3})"
_UNIT = "(?:秒钟?|分钟|个?小时|个?钟头|天|周|个?星期)"
_END = "[了吧啊呢嘛]?"

_RULES = (
    _rule(Intent.HELP, "帮助|怎么用|你(?:会|能)(?:做)?(?:些)?什么"),
    _rule(Intent.HELLO, "你好|您好|早上好|晚上好|嗨"),
    _rule(Intent.THANKS, "谢谢(?:你|您)?|多谢|太好了"),
    _rule(Intent.NOW, "(?:现在)?(?:几点|什么时间)了?|今天(?:几号|星期几|周几)"),
    _rule(Intent.ZONE, "(?:这里)?(?:是)?(?:什么|哪个)?时区.*"),
    _rule(
        Intent.LIST,
        "(?:我)?(?:还)?(?:都)?有(?:什么|哪些)(?:提醒|任务|安排|计划)|(?:列出|查看|看看|显示)?(?:所有|全部)?(?:的)?(?:提醒|任务|安排)(?:列表)?",
    ),
    _rule(Intent.DONE, f"(?:已经?)?(?:好|完成|做完|做好|吃|办好)了|(?:已)?完成|搞定{_END}"),
    _rule(Intent.SNOOZE, rf"(?:再)?(?P<when>{_NUMBER}{_UNIT}(?:以?后|之后))再(?:提醒|叫|说)(?:我)?(?:一次)?"),
    _rule(
        Intent.SNOOZE, r"(?P<when>明天)再(?:提醒|说|叫)(?:我)?|(?:等会儿?|待会儿?|稍后|晚点)再(?:说|提醒)(?:我)?"
    ),
    _rule(Intent.REMOVE, "(?P<sure>确定)(?:把)?(?P<what>全部|所有|都)(?:的)?(?:提醒|任务)?(?:删除|取消|删掉)"),
    _rule(Intent.YES, "确定|是的?|对"),
    _rule(Intent.NO, "不|不是|不用了?|不对|算了|别删了?"),
    _rule(Intent.LEAVE, "退出|exit|quit"),
    _rule(Intent.TEXT, "(?:把)?(?:(?P<what>.+?)的)?(?:内容|文字)(?:改成|改为|换成)[:： ]?(?P<say>.+)"),
    _rule(Intent.CHANGE, rf"(?:把)?{_IT}{_CHANGE}(?P<when>.+?)"),
)

_PICKED = (
    _rule(Intent.CHANGE, rf"(?:把)?(?P<what>.+?){_CHANGE}(?P<when>.+?)"),
    _rule(Intent.REMOVE, "(?:把)?(?P<what>全部|所有|都)(?:的)?(?:提醒|任务)?(?:删除|取消|删掉|停掉)"),
    _rule(Intent.REMOVE, f"(?:取消|删除|删掉|停掉|不要){_IT}(?P<what>.*?){_END}"),
    _rule(Intent.PAUSE, f"(?:暂停|停用|关掉){_IT}(?P<what>.*?){_END}"),
    _rule(Intent.RESUME, f"(?:恢复|启用|继续|打开){_IT}(?P<what>.*?){_END}"),
    _rule(Intent.RUN, "(?:马上|立刻|现在)(?:运行|执行)(?P<what>.+)|(?:运行|执行)一下(?P<what2>.+)"),
    _rule(Intent.SHOW, "(?:查看|显示|看看)(?P<what>.+)"),
)

_SAYINGS = (
    _rule(
        Intent.WATCH,
        r"(?:看一下|看看|关注|检查|盯着|监控)(?:一下)?\s*(?P<what>https?://[^\s，,。]+)[\s，,]*(?:.*(?:告诉|通知|提醒)我?.*)?",
    ),
    _rule(Intent.SAY, r"(?:请)?(?:记得)?提醒(?:我|我们|一下)?(?:[:：,，]|一下)?\s*(?P<what>.+)?", "到时间了。"),
    _rule(Intent.SAY, r"(?:叫|喊)我(?P<what>.+)?", "到时间了。"),
    _rule(Intent.SAY, r"(?:说|发)[:：]?\s*(?P<what>.+)"),
    _rule(Intent.SAY, r"告诉我[:：]?\s*(?P<what>[“\"「].+[”\"」])"),
    _rule(Intent.MAKE, r"(?P<what>(?:总结|查|搜索|生成|写|告诉我).+)"),
)

CHINESE = Speech(
    talk=_TALK,
    script=re.compile("[\u4e00-\u9fff]"),
    courtesy=re.compile("(?:请|麻烦|帮我|你好[,， ]|那){0,3}"),
    unopened=re.compile(r"\([^()\n]{1,60}, which cannot be opened here yet\)\s{0,3}\Z"),
    ending=re.compile("[ 。.!！?？,，]{0,10}$"),
    nag=re.compile(
        rf"[,，\s]*(?:并且?|然后)?每(?:隔)?(?P<nag>{_NUMBER}{_UNIT})(?:再)?(?:催|提醒|叫)我?一次(?:[,，]?直到.*)?$"
        r"|[,，\s]*(?:一直)?(?:催|提醒)我?直到.*$"
    ),
    amounts={
        "半小时": "30 minutes",
        "半个小时": "30 minutes",
        "一小时": "1 hour",
        "一个小时": "1 hour",
        "两小时": "2 hours",
        "个小时": "1 hour",
        "小时": "1 hour",
        "分钟": "1 minute",
    },
    watched=re.compile("关注 (?P<url>\\S+)，有变化时告诉我。"),
    usual_watch="每小时",
    rules=_RULES,
    picked=_PICKED,
    sayings=_SAYINGS,
    quoted=frozenset({"", "这个", "这条", "这件事", "它", "到时间了。"}),
    pronouns=frozenset({"", "它", "这个", "那个", "这条", "那条"}),
    times=frozenset(),
    everything=frozenset({"全部", "所有", "都"}),
    fillers=frozenset({"的", "提醒", "任务", "那个", "这个"}),
    clock=re.compile(_CLOCK),
    clock_inside=re.compile(_INSIDE),
    at_clock="{clock}",
    on_date="{date} {clock}",
    day_at="{day} {clock}",
    amount=re.compile(rf"(?P<amount>{_NUMBER}{_UNIT})(?:以?后|之后)?"),
    once_amount="{amount}后",
    every_amount="每{amount}",
    every=re.compile("每"),
)
