"""The offline assistant in English, as a table."""

import re

from gateway.agent.models.offline.language import Intent, Rule, Speech, Talk


def _rule(intent: Intent, pattern: str, default: str = "") -> Rule:
    return Rule(intent, re.compile(pattern, re.IGNORECASE | re.DOTALL), default)


_MODEL = (
    "A language model is configured in config.toml:\n\n"
    '```toml\n[model]\nprovider = "openai"\nname = "…"\nbase_url = "…"   # any OpenAI-compatible server\n'
    'api_key = "…"\n```'
)

_TALK = Talk(
    help=(
        "I am the offline assistant. I need no key and no network, and this is what I can do:\n\n"
        "- `remind me in 20 seconds to stretch`, `remind me tomorrow at 9am to call Bob`\n"
        "- `every weekday at 9 tell me to write my report`, `say good morning every day at 8`\n"
        "- `what is scheduled?`\n"
        "- `make it 8 instead`, `move the report to 10:30`\n"
        "- `make it say call Bob`, `move it to friday`\n"
        "- `stop the report`, `pause the report`, `resume the report`, `run the report`, `delete all`\n"
        "- `done`, `snooze 10 minutes`, `tomorrow`: about a reminder that I have said\n"
        "- `remind me at 9 to take my pills and nag me every 10 minutes until done`\n"
        "- `watch https://example.com every 5 minutes and tell me when it changes`\n"
        "- `what time is it?`, `which time zone is this?`\n\n"
        "I cannot converse, look things up or write texts: that takes a language model. " + _MODEL
    ),
    hello="Hello! I can remind you of things: `remind me in 20 minutes to stretch`. `help` shows everything.",
    thanks="You're welcome.",
    now="It is {now} ({zone}).",
    no_now="I was not told what time it is.",
    zone="Times here are read in {zone}, where it is {now}. `timezone` in the configuration changes that.",
    watch=(
        "I can watch the page of an address: `watch https://example.com every hour and tell me when it changes`."
        " For more than that a language model has to be configured."
    ),
    watching="Watch {url} and tell when it changes.",
    page_changed="{url} has changed:",
    more_lines="… ({count} more lines)",
    unreachable="I cannot read {url} any more, and will not say so again until I can: {why}",
    unread="I could not read {url} yet, and will not say so again until I can: {why}",
    first_read="I can read the page now; I speak when it changes.",
    first_unread="But I cannot read {url} now, and try again at each time: {why}",
    sure="This is about all of these:\n{jobs}\n\nSay `yes, delete all` if that is what you mean.",
    when='When should I say "{say}"? For example `in 20 minutes`, `tomorrow at 9am`, `every weekday at 9:00`.',
    what="What should I say {phrase}? Write `remind me {phrase} to …`.",
    make=(
        'Without a language model I can say fixed words at a time, but not make "{what}". `remind me …` works.'
        " " + _MODEL
    ),
    unsure=(
        "I cannot converse without a language model. If this is to be a reminder, write `remind me {phrase} to …`."
        " `help` shows what I understand."
    ),
    about="About what? Answer the message that you mean, or write the words: `remind me {phrase} to …`.",
    unclear=(
        'I do not know what "{odd}" means there, and guess nothing. Write the whole sentence once more, with a'
        " time such as `tomorrow at 9am`: `remind me tomorrow at 9am to …`."
    ),
    dropped="All right, nothing was scheduled.",
    kept="All right, nothing was deleted.",
    gone="That job is not there any more: it was removed, or it is over. `what is scheduled?` lists the others.",
    removed='"{job}" is removed already. `what is scheduled?` lists the others; to have it back, write it anew.',
    leave="In a terminal, Ctrl-C ends it; in a chat there is nothing to end.",
    no_match='I find no job that "{what}" could mean. `what is scheduled?` lists them.',
    several="Which one is meant? Repeat it with the name or the id:\n{jobs}",
    whole_time="I need the whole time for that, for example `change {job} to every weekday at 8:00`.",
    which_half='"{clock}" can mean {early} or {late}; which one? Write `make it {late}`, for example.',
    model=_MODEL,
    other=(
        "I did not understand that. I am the offline assistant: I understand reminders and what is scheduled"
        " (`help` shows how), and cannot converse or look things up. " + _MODEL
    ),
    short="I did not understand that. `help` shows what I do.",
    no_tool="Scheduling is not available here, and without a language model there is nothing else that I can do.",
    no_text="I can only read text.",
    unopened="I cannot open pictures, files or recordings yet.",
    too_long="That has more than the {most} characters that I can look at, so nothing was done. "
    "`/remind in 20 minutes` with the words behind it takes up to 20,000.",
    scheduled="Scheduled: {prompt}",
)

_JOBS = "(?:reminders?|jobs?|schedules?|alarms?|timers?|tasks?)"
_PLANNED = "(?:scheduled|planned|coming up|due|set up|set|pending)"
_IT = "(?:it|that|this)"
_CHANGE = "(?:make|change|move|set|shift|put|reschedule|postpone|update)"
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))?(?: ?(?P<half>[ap]\.?m\b\.?))?|(?P<word>noon|midday|midnight)"
)
_INSIDE = (
    r"(?:\bat )?\b(?:(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::[0-9]{2})?(?: ?(?P<half>[ap]\.?m\b\.?))?"
    r"|(?P<hour2>[0-9]{1,2}) ?(?P<half2>[ap]\.?m\b\.?)|(?<=at )(?P<hour3>[0-9]{1,2})\b(?! ?[/-])"
    r"|(?P<word>noon|midday|midnight)\b)"
)
_UNIT = "(?:seconds?|secs?|minutes?|mins?|hours?|days?|weeks?)"

_RULES = (
    _rule(
        Intent.HELP, r"/?help(?: me)?|\?+|commands|what (?:can|do) (?:you|i) (?:do|say|write|understand)(?: here)?"
    ),
    _rule(Intent.HELP, r"how does (?:this|it) work|who are you|what are you|what is this"),
    _rule(Intent.HELLO, r"(?:hi|hello|hey|yo|greetings|good (?:morning|day|afternoon|evening))(?: \w+)?"),
    _rule(
        Intent.THANKS, r"(?:many )?(?:thanks?|thank you|thx|cheers)(?: \w+){0,3}|ok(?:ay)?|great|perfect|nice|cool"
    ),
    _rule(
        Intent.NOW,
        r"what(?:'s| is) the (?:time|date|day)(?: now)?|what (?:time|day|date) is (?:it|today)(?: now)?",
    ),
    _rule(Intent.ZONE, r"(?:what|which)(?:'s| is)?(?: my| the| your| this)? ?time ?zone.*|time ?zone"),
    _rule(Intent.ZONE, r"(?:set|change|switch)(?: my| the)? time ?zone.*|my time ?zone is .+"),
    _rule(
        Intent.LIST, rf"(?:list|show)(?: me)?(?: all)?(?: of)?(?: my| the)?(?: scheduled)? ?{_JOBS}|list(?: all)?"
    ),
    _rule(
        Intent.LIST, rf"(?:what|which)(?:'s|s| is| are|(?: of)?(?: my)? {_JOBS} are)(?: currently)? {_PLANNED}.*"
    ),
    _rule(
        Intent.LIST, rf"(?:what|which)(?: {_JOBS})? (?:do|have) i (?:have|got)(?: any)?(?: {_JOBS}| {_PLANNED})?"
    ),
    _rule(Intent.LIST, rf"(?:do i have any |my |are there any )?{_JOBS}|what(?:'s| is) (?:on my schedule|next)"),
    _rule(Intent.SAY, rf"(?:set|start)(?: me)? a timer for (?P<amount>[a-z0-9. ]{{1,30}} {_UNIT})", "Time is up."),
    _rule(Intent.DONE, r"(?:it(?:'s| is) |i(?:'m| am) |all )?(?:done|finished)(?: (?:it|that|already|now))?"),
    _rule(Intent.DONE, r"(?:i )?(?:did|have done|'ve done) (?:it|that)(?: already)?|(?:i(?:'ve| have) )?taken"),
    _rule(Intent.SNOOZE, r"snooze(?: it| that| this)?(?: (?:for|until|till|by) )?(?P<when>.*)"),
    _rule(Intent.SNOOZE, r"(?:remind (?:me|us)|say (?:it|that)) again (?:in |at )?(?P<when>.+)"),
    _rule(Intent.SNOOZE, r"(?:not now|later)"),
    _rule(Intent.REMOVE, r"(?P<sure>yes,? )(?:delete|remove|cancel|stop) (?P<what>.+)"),
    _rule(Intent.YES, r"yes|yes please|sure|do it"),
    _rule(
        Intent.NO,
        r"no|nope|nah|no thanks|no thank you|(?:no,? )?(?:never ?mind|forget it|better not|don't|do not)",
    ),
    _rule(Intent.LEAVE, r":?q|:?quit|exit|quit\(\)|exit\(\)"),
    _rule(
        Intent.TEXT,
        r"(?:change|set)(?: the)? (?:text|words|message|wording)(?: (?:of|for) (?P<what>.+?))? to (?P<say>.+)",
    ),
    _rule(Intent.TEXT, r"(?:(?:make|let) (?:it|that|this)|it should) say (?P<say>.+)"),
    _rule(
        Intent.WATCH,
        r"(?:(?:watch|monitor)(?! .*https?://)) .+|(?:tell|notify|alert|inform) (?:me|us) (?:when|if|once) .+",
    ),
    _rule(Intent.CHANGE, rf"{_CHANGE} {_IT}(?: (?:to|for|at|on|be))? (?P<when>.+?)(?: instead)?"),
    _rule(Intent.CHANGE, r"(?:no,? )?(?:rather )?(?P<when>.+) (?:instead|rather)"),
)

_PICKED = (
    _rule(
        Intent.CHANGE,
        rf"{_CHANGE} (?P<what>.+?) (?:to|for|at) (?P<when>.+?)(?: instead)?",
    ),
    _rule(Intent.REMOVE, r"(?:stop|cancel|delete|remove|unschedule)(?: (?P<what>.+))?"),
    _rule(Intent.PAUSE, r"(?:pause|disable|suspend|mute|(?:turn|switch) off)(?: (?P<what>.+))?"),
    _rule(Intent.RESUME, r"(?:resume|enable|unpause|unmute|(?:turn|switch) on)(?: (?P<what>.+))?"),
    _rule(Intent.RUN, r"(?:run|trigger|fire) (?P<what>.+?)(?: now)?"),
    _rule(Intent.SHOW, r"(?:show|describe)(?: me)? (?P<what>.+)"),
)

_TO = r"(?::|,| to| that| about| of)?"

_SAYINGS = (
    _rule(
        Intent.WATCH, r"(?:watch|monitor|check) (?:the page )?(?P<what>(?:https?://)\S+?)(?:,? (?:and|then) .+|,)?"
    ),
    _rule(
        Intent.UNCLEAR,
        r"remind (?:me|us) (?!(?:please |also )?(?:to|that|about|of)\b)(?P<what>(?:\S+ ){1,5}?)to .+",
    ),
    _rule(Intent.SAY, rf"remind (?:me|us){_TO}(?:\s+(?P<what>.+))?", "This is your reminder."),
    _rule(
        Intent.SAY,
        rf"(?:set|create|make|add)(?: me)? (?:a |an )?(?:reminder|alarm){_TO}(?:\s+(?P<what>.+))?",
        "This is your reminder.",
    ),
    _rule(Intent.SAY, r"(?:set|start)(?: me)? (?:a )?timer", "Time is up."),
    _rule(Intent.SAY, r"wake (?:me|us)(?: up)?", "Wake up!"),
    _rule(Intent.SAY, r"(?:tell|ask) (?:me|us) (?:to|that)(?: (?P<what>.+))?"),
    _rule(Intent.SAY, r"(?:say|write|post):? (?:to me |to us )?(?P<what>.+)"),
    _rule(Intent.SAY, r"(?:tell|send) (?:me|us):? (?P<what>[\"“'].+[\"”'])"),
    _rule(Intent.MAKE, r"(?:tell|send|give|show|read|bring) (?:me|us) (?P<what>.+)"),
    _rule(Intent.MAKE, r"(?P<what>(?:check|summari[sz]e|search|look|fetch|generate|find) .+)"),
)

_COURTESY = "(?:please|kindly|could you|can you|would you|will you|hey|ok|okay|and|also|tocsin)"
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "the a an my our your it this that one last please reminder reminders reminding remind job jobs task tasks"
        " alarm timer me us to about for of with at on telling saying tell say from all",
    )
)

ENGLISH = Speech(
    talk=_TALK,
    courtesy=re.compile(rf"(?:{_COURTESY}[, ]{{1,3}}){{0,4}}", re.IGNORECASE),
    unopened=re.compile(r"\([^()\n]{1,60}, which cannot be opened here yet\)\s{0,3}\Z"),
    ending=re.compile(r"(?:,? {0,2}(?:please|thanks|thank you))?[ .!?]{0,10}$", re.IGNORECASE),
    script=None,
    nag=re.compile(
        rf",?\s+(?:and\s+)?(?:nag|pester|bug|keep (?:reminding|nagging))(?: (?:me|us))?"
        rf"(?: every (?P<nag>(?:[0-9]{{1,4}} ?)?{_UNIT}))?"
        r"(?: until (?:i(?:'m| am)? |it(?:'s| is) |i say )?done)?(?=[.!]?$)",
        re.IGNORECASE,
    ),
    amounts={"minute": "1 minute", "hour": "1 hour", "day": "1 day"},
    watched=re.compile(r"Watch (?P<url>\S+) and tell when it changes\."),
    usual_watch="every hour",
    rules=_RULES,
    picked=_PICKED,
    sayings=_SAYINGS,
    quoted=frozenset({"", "this", "that", "it", "this message", "that message", "This is your reminder."}),
    pronouns=frozenset({"", "it", "that", "this", "that one", "this one", "the last one"}),
    times=frozenset(
        re.findall(
            r"\w+",
            "tomorrow tonight monday tuesday wednesday thursday friday saturday sunday weekday weekdays weekend",
        )
    ),
    everything=frozenset({"all", "everything", "them all", "all of them"}),
    fillers=_FILLERS,
    clock=re.compile(rf"(?:at )?(?:{_CLOCK})(?: o'?clock)?", re.IGNORECASE),
    clock_inside=re.compile(_INSIDE, re.IGNORECASE),
    at_clock="at {clock}",
    on_date="{date} at {clock}",
    day_at="{day} at {clock}",
    amount=re.compile(
        rf"(?:in |every |to )?(?P<amount>(?:[0-9]{{1,6}}|an?|half an|two|three|five|ten) {_UNIT})", re.IGNORECASE
    ),
    once_amount="in {amount}",
    every_amount="every {amount}",
    every=re.compile(r"(?:every|each)\b", re.IGNORECASE),
)
