"""The sentences of the report: what it is, how to read it, and what it is not for."""

INTRODUCTION = (
    "Zero-shot tasks: a model is asked in words which class a recording belongs to, without labels of the task. Where "
    "it was trained on the corpus, the table says so. Every number is on the clips of the task alone; what it has to "
    "be held against stands beside it."
)
READING = (
    "UAR, the unweighted average recall, is the mean of the recalls of the classes that occur; WA, the weighted "
    "accuracy, is the share of clips that are right; both are in 0..1. Intervals that overlap leave open which of "
    "two models is better: 'paraclap compare' gives the interval of their difference on the same clips.",
    "Chance is what guessing each class alike reaches on average; the majority always says the most frequent class. "
    "A linear probe is supervised: it learns from labels of the same corpus, by cross-validation, and shows what "
    "the embeddings hold. A result or baseline whose protocol is not plain has used statistics of the clips that it is "
    "tested on, though no labels; published figures are to be held against plain ones.",
    "Our prompts are an ensemble of templates; published prompts are other people's wording; single templates show "
    "how much of a number is the wording. No wording was chosen on test clips. Published figures are other "
    "people's, from the sources named: their prompts, clips and code may differ, and most have no interval.",
    "A model that was trained on the corpus of a task does not answer it zero-shot, and 'unknown' means that nobody "
    "says. Classes that no clip is of are distractors: they can be answered, and are wrong.",
)
INTERVALS = (
    "Intervals are percentiles of bootstrap draws. From 20 speakers on, speakers are drawn with replacement, so "
    "that the interval covers other speakers of the kind; with fewer that would be far too narrow, so clips are "
    "drawn within each speaker and class, variation between speakers is not covered, and each speaker's UAR is "
    "listed."
)
WORDINGS = (
    "Worst and best are those of the templates on these very clips: they show a range, and no one could have chosen "
    "the best in advance."
)
NOT_COMPARABLE = (
    "Results of this task are of different clips, labels or classes, told apart by a letter: numbers of different "
    "clip sets are not comparable."
)
FAIRNESS = (
    "Groups are those that the corpus names, from 20 clips on. A gap is that of these speakers and this corpus: few "
    "speakers a group say little of all women or all old people, and no gap here is no proof of none elsewhere. Of "
    "the groups the best and the worst are compared, so that some gap is there by chance alone."
)
ROBUSTNESS = (
    "Each disturbance is applied to every clip before the model hears it. A cosine near 1 says that the embedding "
    "hardly moved; the change of the metric says whether that mattered."
)
RETRIEVAL = (
    "Captions made of what the corpus says of a clip look for clips, and clips for captions. Every clip that a "
    "caption is true of is a right answer; the rank is that of the first of them."
)
LABELS = "Each label is asked by itself: does its similarity put clips of which it is true above the others?"
MISUSE = (
    "This is for research. The numbers are of recorded, mostly acted speech of few people and languages, and most "
    "errors are large. How a voice sounds to a model is not what a person feels, thinks or intends. Do not use such "
    "a model to decide about people - hiring, school, police, borders, credit, insurance, health - or to watch "
    "them without their consent; in places the law forbids it."
)
