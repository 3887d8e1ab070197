"""Names of everything that a study and its trials keep beside Optuna's own fields: one prefix, one version."""

VERSION = 2  # of a study of several devices; of one device OF_ONE_DEVICE, which older versions read, too
OF_ONE_DEVICE = 1
PREFIX = "automl."  # of all names below

# study
STUDY_VERSION = "automl.version"  # int, VERSION or OF_ONE_DEVICE
SETTINGS = "automl.settings"  # resolved settings, nested mapping
PROVENANCE = "automl.provenance"  # seed, versions of packages, commit, code, created (ISO 8601), command
FINGERPRINTS = "automl.fingerprints"  # mapping: space, data, device -> hexadecimal text
DEVICE = "automl.device"  # description of the device, flat mapping
DEVICES = "automl.devices"  # of several: name of each but the first -> its description
DATA = "automl.data"  # name, root, classes, and per split: images, boxes
GATE = "automl.gate"  # fields of objectives.records.gate.Gate
SESSION = "automl.session."  # prefix, then a searching process's key: see search.study.sessions
REQUEST = "automl.request."  # prefix, then a count, a hyphen and a chance word: RequestRecord, what somebody asked
ASKED_TO_END = "automl.end."  # prefix, then a searching process's key, or the name of a launch: true
PLAN = "automl.plan"  # what was timed before the first trial: see search.plan.model
EXPERIENCE = "automl.experience"  # trainings of earlier studies that it started from: see ExperienceRecord
FORKED = "automl.forked"  # name of the study it was forked from, trials kept and left out
REMOVED = "automl.removed"  # names of files, with spaces between -> numbers of the trials they were removed from
MEASURED = "automl.measured."  # prefix, then an architecture's key: params, and its Latency, measured without a trial
LOOKS = "automl.looks."  # prefix, then the parent's number, a dot and a count: ChildrenReport, scored ones left out
MEASURED_FULLY = "automl.latency.full."  # prefix, then a child's number: Latency by the full protocol
MEASURED_FULLY_ON = "automl.latencies.full."  # prefix, then a trial's number: further device -> the same there
PROOF = "automl.proof"  # ProofRecord: finalists, seeds and lengths of the proof that was begun last
TEST_LOOKS = "automl.test.looks"  # list of SplitLook: each look at the test split by detectors of the study

ARTIFACTS = "automl.artifacts"  # ArtifactsRecord: where files of trials are beside the study's folder

# trial
CANDIDATE = "automl.candidate"  # every choice of the trial, dimension name -> value
LATENCY_UNTRAINED = "automl.latency.untrained"  # Latency: measured before training
LATENCY = "automl.latency"  # Latency: of the trained, exported file (the objective)
LATENCIES = "automl.latencies"  # further device -> Latency, of the same file as LATENCY
LATENCIES_UNTRAINED = "automl.latencies.untrained"  # further device -> Latency, before training
ACCURACY = "automl.accuracy"  # Accuracy: of the trained, exported file (the objective)
RUNGS = "automl.rungs"  # list of Rung
RESOURCES = "automl.resources"  # Resources
ENDING = "automl.ending"  # Ending
FOLDER = "automl.folder"  # the trial's folder, relative to the study's folder
PAUSED = "automl.paused"  # True while the trial waits at a rung with its checkpoint; it may go on
PROPOSAL = "automl.proposal"  # Proposal: why it was proposed
DECISIONS = "automl.decisions"  # list of Decision: what the pruner decided at each rung
ATTEMPTS = "automl.attempts"  # list of Ending: deaths after which the trial was taken up again
FORKED_FROM = "automl.forked.trial"  # number that a copied trial had in the study it was forked from
FAMILY = "automl.family"  # of an elastic training: dimension -> values that its children have, its own first
PARENT = "automl.parent"  # number of the elastic training that a child was cut from
BASELINE = "automl.baseline"  # of the stock detector that others are compared with: its name, as "yolo26n"
ASKED = "automl.asked"  # of a candidate that somebody asked for: RequestRecord
CARRIED = "automl.carried"  # CarriedRecord of a detector that was trained in another study, and is scored here
POLISHES = "automl.polishes"  # number of the trial whose weights a polish goes on from: a child, or its parent
BASELINE = "automl.baseline"  # name of the stock detector that the trial is, for comparison
PROVES = "automl.proves"  # number of the trial that a training of a proof repeats: a finalist, or the baseline
SEED = "automl.seed"  # of a training of a proof
TERMS = "automl.proof.terms"  # ProofTerms of a training of a proof: its epochs, its start, its images
FILES = "automl.files"  # name of a file in the trial's folder -> StoredFile: what an artifact store has of it
TOKEN = "automl.token"  # among Optuna's own attributes: made with the trial, so that it is made once


def parent_of(key: str) -> int | None:
    """Return the elastic training whose scorer alone writes an attribute of a study; None: it is of no trial's."""
    found = key.removeprefix(LOOKS).partition(".")[0] if key.startswith(LOOKS) else ""
    return int(found) if found.isdecimal() else None
