BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'smoke');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',1,1);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'automl.settings','{"name": "smoke", "seed": 42, "data": {"root": "embedded", "format": "auto", "split": "val"}, "device": {"name": "cpu", "runtime": "onnxruntime", "provider": "CPUExecutionProvider", "threads": 1, "options": {}}, "latency": {"confidence": 0.25, "processes": 1, "processes_max": 1, "agreement": 0.03, "interval": 0.02, "images_min": 20, "cap_s": 0.5, "warmup_s": 0.1, "reference_tolerance": 0.03, "others_cores_max": 0.5}, "gate": {"map50_min": null, "map_min": null, "p95_ms_max": null, "p50_ms_max": null}, "budget": {"trials": 5, "hours": null}, "trial": {"epochs": 4, "images_seen": 6000, "full_epochs": null, "evaluate_every": 0, "train_device": "cpu", "workers": 2, "cache_mb": 2000, "timeout_s": null, "silence_s": 900.0, "memory_mb": null, "processes_max": 64, "run": "quick_trainer:run_trial"}, "sampler": {"name": "known_latency", "startup": 0}, "pruner": {"name": "gain", "rungs": 5, "eta": 2.0, "better_min": 3, "tolerance": 0.6, "grace": 0.0}, "store": {"folder": "/old/runs", "url": null, "size_mb_max": 20000.0, "free_mb_min": 1.0}, "workers": 1, "space": {"backbone.name": "choice(tinynet_e, lcnet_050)", "neck.width": "choice(16)", "neck.depth": "choice(1)", "head.kind": "choice(nms, end2end)", "size.pixels": "range(64, 288, 32)", "augment.policy": "choice(none)", "train.optimizer": "choice(AdamW, SGD)", "train.lr0": "tag(log, interval(0.0005, 0.008))", "train.lrf": "choice(0.05)", "train.cosine": "choice(true, false)", "train.momentum": "choice(0.9)", "train.weight_decay": "tag(log, interval(1e-05, 0.01))", "train.warmup": "choice(0.1)", "train.batch": "choice(8)", "train.nbs": "choice(8)", "train.box": "interval(5, 10)", "train.cls": "interval(0.4, 1.5)", "train.dfl": "choice(1.5)", "train.class_weights": "choice(0, 0.5)", "train.close_mosaic": "choice(0.3)", "train.freeze": "choice(0)", "train.pretrained": "choice(none)", "prune.importance": "choice(none)", "deploy.nms_iou": "choice(0.7)", "backbone.width": "choice(0.125, 0.25) if backbone.name in yolo11, yolo26", "backbone.depth": "choice(0.5) if backbone.name in yolo11, yolo26"}, "start": []}');
INSERT INTO "study_user_attributes" VALUES(2,1,'automl.provenance','{"seed": 42, "versions": {"automl": "0.1.0", "optuna": "5.0.0", "torch": "2.15.0", "torchvision": "0.29.2", "timm": "1.0.31", "ultralytics-opencv-headless": "8.4.190", "onnx": "1.23.2", "onnxruntime": "1.31.1", "torch-pruning": "1.6.1", "python": "3.11.7"}, "commit": "", "created": "2026-11-25T17:13:44+00:00", "command": "automl trial2-nan trial3epoch1-device"}');
INSERT INTO "study_user_attributes" VALUES(3,1,'automl.fingerprints','{"space": "f6f4d0e00dcd4807", "data": "822331b263cfe113", "device": "f180ab87e45f95fe", "training": "4 epochs, seed 42, scored on val", "gate": "{}", "trainer": "{\"automl''s training\": \"1\", \"onnx\": \"1.23.2\", \"onnxruntime\": \"1.31.1\", \"timm\": \"1.0.31\", \"torch\": \"2.15.0\", \"torch-pruning\": \"1.6.1\", \"torchvision\": \"0.29.2\", \"ultralytics-opencv-headless\": \"8.4.190\"}"}');
INSERT INTO "study_user_attributes" VALUES(4,1,'automl.device','{"name": "cpu", "runtime": "onnxruntime", "provider": "CPUExecutionProvider", "threads": 1, "options": {}, "processor": "AMD EPYC", "accelerator": "", "cores": 2, "runtime_version": "1.31.1", "precision": "fp32", "system": "Linux x86_64"}');
INSERT INTO "study_user_attributes" VALUES(5,1,'automl.data','{"name": "blocks", "root": "/old/blocks", "classes": ["red", "blue"], "splits": {"train": {"images": 16, "boxes": 48}, "val": {"images": 8, "boxes": 24}}, "notes": []}');
INSERT INTO "study_user_attributes" VALUES(6,1,'automl.gate','{"map50_min": null, "map_min": null, "p95_ms_max": null, "p50_ms_max": null}');
INSERT INTO "study_user_attributes" VALUES(7,1,'automl.version','1');
INSERT INTO "study_user_attributes" VALUES(8,1,'automl.session.0','{"host": "old-host", "pid": 4242, "folder": "/old/runs/smoke", "spans": [[1795626824.432086, 1795626836.2854466]], "ended": true}');
INSERT INTO "study_user_attributes" VALUES(9,1,'automl.measured.cf36ff823bda6520','{"params": {"backbone.name": "tinynet_e", "head.kind": "nms", "size.pixels": 64, "train.optimizer": "SGD", "train.lr0": 0.001368589580504167, "train.cosine": true, "train.weight_decay": 0.006612873471409977, "train.box": 8.943915010970773, "train.cls": 1.1460568535115052, "train.class_weights": 0.5}, "latency": {"p50_ms": 0.30476128842947775, "p95_ms": 0.36571354611537327, "p50_low_ms": 0.30171367554518297, "p50_high_ms": 0.30780890131377253, "network_ms": 0.2438090307435822, "samples": 60, "reference_ms": 1.0, "stable": true, "note": "", "device": "f180ab87e45f95fe", "peak_bytes": 100000000}, "seconds": 0.2590206759996363}');
INSERT INTO "study_user_attributes" VALUES(10,1,'automl.removed','{"weights.pt model.onnx": [0]}');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'backbone.name',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tinynet_e", "lcnet_050"]}}');
INSERT INTO "trial_params" VALUES(2,1,'head.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["nms", "end2end"]}}');
INSERT INTO "trial_params" VALUES(3,1,'size.pixels',96.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 64, "high": 256}}');
INSERT INTO "trial_params" VALUES(4,1,'train.optimizer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["AdamW", "SGD"]}}');
INSERT INTO "trial_params" VALUES(5,1,'train.lr0',3.0073132530874717265e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0005, "high": 0.008, "log": true}}');
INSERT INTO "trial_params" VALUES(6,1,'train.cosine',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [true, false]}}');
INSERT INTO "trial_params" VALUES(7,1,'train.weight_decay',3.49164073895410359289e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.01, "log": true}}');
INSERT INTO "trial_params" VALUES(8,1,'train.box',9.55044837065099372352e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 5.0, "high": 10.0, "log": false}}');
INSERT INTO "trial_params" VALUES(9,1,'train.cls',1.16473630536602046348e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(10,1,'train.class_weights',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.5]}}');
INSERT INTO "trial_params" VALUES(11,2,'backbone.name',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tinynet_e", "lcnet_050"]}}');
INSERT INTO "trial_params" VALUES(12,2,'head.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["nms", "end2end"]}}');
INSERT INTO "trial_params" VALUES(13,2,'size.pixels',192.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 64, "high": 256}}');
INSERT INTO "trial_params" VALUES(14,2,'train.optimizer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["AdamW", "SGD"]}}');
INSERT INTO "trial_params" VALUES(15,2,'train.lr0',1.32440033350289597217e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0005, "high": 0.008, "log": true}}');
INSERT INTO "trial_params" VALUES(16,2,'train.cosine',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [true, false]}}');
INSERT INTO "trial_params" VALUES(17,2,'train.weight_decay',7.34764150296434424315e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.01, "log": true}}');
INSERT INTO "trial_params" VALUES(18,2,'train.box',9.36460539309241,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 5.0, "high": 10.0, "log": false}}');
INSERT INTO "trial_params" VALUES(19,2,'train.cls',9.99594917505489122255e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(20,2,'train.class_weights',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.5]}}');
INSERT INTO "trial_params" VALUES(21,3,'backbone.name',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tinynet_e", "lcnet_050"]}}');
INSERT INTO "trial_params" VALUES(22,3,'head.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["nms", "end2end"]}}');
INSERT INTO "trial_params" VALUES(23,3,'size.pixels',160.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 64, "high": 256}}');
INSERT INTO "trial_params" VALUES(24,3,'train.optimizer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["AdamW", "SGD"]}}');
INSERT INTO "trial_params" VALUES(25,3,'train.lr0',5.35990413156486357471e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0005, "high": 0.008, "log": true}}');
INSERT INTO "trial_params" VALUES(26,3,'train.cosine',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [true, false]}}');
INSERT INTO "trial_params" VALUES(27,3,'train.weight_decay',1.17482396787844522046e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.01, "log": true}}');
INSERT INTO "trial_params" VALUES(28,3,'train.box',9.5152047553148850767e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 5.0, "high": 10.0, "log": false}}');
INSERT INTO "trial_params" VALUES(29,3,'train.cls',9.10480589410848417664e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(30,3,'train.class_weights',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.5]}}');
INSERT INTO "trial_params" VALUES(31,4,'backbone.name',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tinynet_e", "lcnet_050"]}}');
INSERT INTO "trial_params" VALUES(32,4,'head.kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["nms", "end2end"]}}');
INSERT INTO "trial_params" VALUES(33,4,'size.pixels',160.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 64, "high": 256}}');
INSERT INTO "trial_params" VALUES(34,4,'train.optimizer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["AdamW", "SGD"]}}');
INSERT INTO "trial_params" VALUES(35,4,'train.lr0',4.19775965278726490709e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0005, "high": 0.008, "log": true}}');
INSERT INTO "trial_params" VALUES(36,4,'train.cosine',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [true, false]}}');
INSERT INTO "trial_params" VALUES(37,4,'train.weight_decay',6.361640600656703632e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.01, "log": true}}');
INSERT INTO "trial_params" VALUES(38,4,'train.box',8.99854453697108702669e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 5.0, "high": 10.0, "log": false}}');
INSERT INTO "trial_params" VALUES(39,4,'train.cls',9.78168380520133551314e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(40,4,'train.class_weights',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.5]}}');
INSERT INTO "trial_params" VALUES(41,5,'backbone.name',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tinynet_e", "lcnet_050"]}}');
INSERT INTO "trial_params" VALUES(42,5,'head.kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["nms", "end2end"]}}');
INSERT INTO "trial_params" VALUES(43,5,'size.pixels',64.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 64, "high": 256}}');
INSERT INTO "trial_params" VALUES(44,5,'train.optimizer',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["AdamW", "SGD"]}}');
INSERT INTO "trial_params" VALUES(45,5,'train.lr0',1.36858958050416700501e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0005, "high": 0.008, "log": true}}');
INSERT INTO "trial_params" VALUES(46,5,'train.cosine',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [true, false]}}');
INSERT INTO "trial_params" VALUES(47,5,'train.weight_decay',6.61287347140997704142e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.01, "log": true}}');
INSERT INTO "trial_params" VALUES(48,5,'train.box',8.94391501097077323834e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 5.0, "high": 10.0, "log": false}}');
INSERT INTO "trial_params" VALUES(49,5,'train.cls',1.14605685351150521356e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.4, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(50,5,'train.class_weights',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.5]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'automl.proposal','{"role": "baseline", "sampler": "known_latency", "why": "spread over the latency range, 5% of the way from the fastest to the slowest", "expected_gain": null, "predicted_map": null, "predicted_map_sd": null, "latency_ms": 1.0, "latency_sd_ms": 1.0, "latency_measured": false}');
INSERT INTO "trial_user_attributes" VALUES(2,1,'automl.folder','"trials/00000"');
INSERT INTO "trial_user_attributes" VALUES(3,1,'automl.candidate','{"augment.policy": "none", "backbone.name": "tinynet_e", "deploy.nms_iou": 0.7, "head.kind": "nms", "neck.depth": 1, "neck.width": 16, "prune.importance": "none", "size.pixels": 96, "train.batch": 8, "train.box": 9.550448370650994, "train.class_weights": 0.0, "train.close_mosaic": 0.3, "train.cls": 1.1647363053660205, "train.cosine": true, "train.dfl": 1.5, "train.freeze": 0, "train.lr0": 0.0030073132530874717, "train.lrf": 0.05, "train.momentum": 0.9, "train.nbs": 8, "train.optimizer": "AdamW", "train.pretrained": "none", "train.warmup": 0.1, "train.weight_decay": 3.4916407389541036e-05}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'automl.latency.untrained','{"p50_ms": 0.8158971340630351, "p95_ms": 0.9790765608756421, "p50_low_ms": 0.8077381627224047, "p50_high_ms": 0.8240561054036655, "network_ms": 0.6527177072504281, "samples": 60, "reference_ms": 1.0, "stable": true, "note": "", "device": "f180ab87e45f95fe", "peak_bytes": 100000000}');
INSERT INTO "trial_user_attributes" VALUES(5,1,'automl.rungs','[{"epoch": 1, "map": 0.19483803070868158, "map50": 0.25328943992128605, "seconds": 0.002, "loss": 1.0, "decides": true}, {"epoch": 2, "map": 0.29912731335563736, "map50": 0.38886550736232856, "seconds": 0.004, "loss": 0.5, "decides": true}, {"epoch": 4, "map": 0.3848287235039287, "map50": 0.5002773405551073, "seconds": 0.008, "loss": 0.25, "decides": true}]');
INSERT INTO "trial_user_attributes" VALUES(6,1,'automl.decisions','[{"epoch": 1, "decision": "go on", "why": "the script''s step 2", "predicted_map": null, "predicted_map_sd": null}, {"epoch": 2, "decision": "go on", "why": "the script''s step 3", "predicted_map": null, "predicted_map_sd": null}]');
INSERT INTO "trial_user_attributes" VALUES(7,1,'automl.latency','{"p50_ms": 0.8158971340630351, "p95_ms": 0.9790765608756421, "p50_low_ms": 0.8077381627224047, "p50_high_ms": 0.8240561054036655, "network_ms": 0.6527177072504281, "samples": 60, "reference_ms": 1.0, "stable": true, "note": "", "device": "f180ab87e45f95fe", "peak_bytes": 100000000}');
INSERT INTO "trial_user_attributes" VALUES(8,1,'automl.accuracy','{"map": 0.3848287235039287, "map50": 0.5002773405551073, "per_class": {}, "split": "val", "images": 8}');
INSERT INTO "trial_user_attributes" VALUES(9,1,'automl.resources','{"parameters": 1000000, "multiply_adds": 100000000, "artifact_bytes": 8, "training_peak_bytes": 339632128, "seconds": {"build": 0.002, "train": 0.008}}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'automl.ending','{"outcome": "finished", "reason": "", "error_class": "", "death": null}');
INSERT INTO "trial_user_attributes" VALUES(11,2,'automl.proposal','{"role": "spread", "sampler": "known_latency", "why": "spread over the latency range, 95% of the way from the fastest to the slowest", "expected_gain": null, "predicted_map": null, "predicted_map_sd": null, "latency_ms": 0.8158971340630351, "latency_sd_ms": 0.8158971340630351, "latency_measured": false}');
INSERT INTO "trial_user_attributes" VALUES(12,2,'automl.folder','"trials/00001"');
INSERT INTO "trial_user_attributes" VALUES(13,2,'automl.candidate','{"augment.policy": "none", "backbone.name": "lcnet_050", "deploy.nms_iou": 0.7, "head.kind": "end2end", "neck.depth": 1, "neck.width": 16, "prune.importance": "none", "size.pixels": 192, "train.batch": 8, "train.box": 9.36460539309241, "train.class_weights": 0.0, "train.close_mosaic": 0.3, "train.cls": 0.9995949175054891, "train.cosine": false, "train.dfl": 1.5, "train.freeze": 0, "train.lr0": 0.001324400333502896, "train.lrf": 0.05, "train.momentum": 0.9, "train.nbs": 8, "train.optimizer": "AdamW", "train.pretrained": "none", "train.warmup": 0.1, "train.weight_decay": 0.0007347641502964344}');
INSERT INTO "trial_user_attributes" VALUES(14,2,'automl.latency.untrained','{"p50_ms": 2.7796932813321034, "p95_ms": 3.335631937598524, "p50_low_ms": 2.751896348518782, "p50_high_ms": 2.8074902141454245, "network_ms": 2.2237546250656828, "samples": 60, "reference_ms": 1.0, "stable": true, "note": "", "device": "f180ab87e45f95fe", "peak_bytes": 100000000}');
INSERT INTO "trial_user_attributes" VALUES(15,2,'automl.rungs','[{"epoch": 1, "map": 0.29575980226000637, "map50": 0.3844877429380083, "seconds": 0.002, "loss": 1.0, "decides": true}]');
INSERT INTO "trial_user_attributes" VALUES(16,2,'automl.decisions','[{"epoch": 1, "decision": "pause", "why": "worth more now: the script''s step 5", "predicted_map": null, "predicted_map_sd": null}]');
INSERT INTO "trial_user_attributes" VALUES(17,2,'automl.resources','{"parameters": 1000000, "multiply_adds": 100000000, "artifact_bytes": 8, "training_peak_bytes": 339505152, "seconds": {"build": 0.002, "train": 0.002}}');
INSERT INTO "trial_user_attributes" VALUES(18,2,'automl.paused','false');
INSERT INTO "trial_user_attributes" VALUES(19,3,'automl.proposal','{"role": "spread", "sampler": "known_latency", "why": "spread over the latency range, 35% of the way from the fastest to the slowest", "expected_gain": null, "predicted_map": null, "predicted_map_sd": null, "latency_ms": 1.3023586086941155, "latency_sd_ms": 1.2638588376016828, "latency_measured": false}');
INSERT INTO "trial_user_attributes" VALUES(20,3,'automl.folder','"trials/00002"');
INSERT INTO "trial_user_attributes" VALUES(21,3,'automl.candidate','{"augment.policy": "none", "backbone.name": "tinynet_e", "deploy.nms_iou": 0.7, "head.kind": "nms", "neck.depth": 1, "neck.width": 16, "prune.importance": "none", "size.pixels": 160, "train.batch": 8, "train.box": 9.515204755314885, "train.class_weights": 0.0, "train.close_mosaic": 0.3, "train.cls": 0.9104805894108484, "train.cosine": false, "train.dfl": 1.5, "train.freeze": 0, "train.lr0": 0.005359904131564864, "train.lrf": 0.05, "train.momentum": 0.9, "train.nbs": 8, "train.optimizer": "AdamW", "train.pretrained": "none", "train.warmup": 0.1, "train.weight_decay": 1.1748239678784452e-05}');
INSERT INTO "trial_user_attributes" VALUES(22,3,'automl.latency.untrained','{"p50_ms": 1.1204190071349338, "p95_ms": 1.3445028085619206, "p50_low_ms": 1.1092148170635845, "p50_high_ms": 1.1316231972062831, "network_ms": 0.8963352057079471, "samples": 60, "reference_ms": 1.0, "stable": true, "note": "", "device": "f180ab87e45f95fe", "peak_bytes": 100000000}');
INSERT INTO "trial_user_attributes" VALUES(23,3,'automl.ending','{"outcome": "failed", "reason": "Diverged: the training loss was nan after epoch 1", "error_class": "diverged", "death": {"log_tail": "Traceback (most recent call last):\n  File \"/old/automl/search/child.py\", line 78, in _run\n    return run_trial(job, messenger)\n           ^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/old/automl/tests/quick_trainer.py\", line 49, in run_trial\n    word = _train(job, listener, done)\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/old/automl/tests/quick_trainer.py\", line 101, in _train\n    _suffer(job, epoch)\n  File \"/old/automl/tests/quick_trainer.py\", line 165, in _suffer\n    FAULTS[kind](job)\n  File \"/old/automl/tests/quick_trainer.py\", line 215, in _diverge\n    raise Diverged(\"the training loss was nan after epoch 1\")\nobjectives.divergence.Diverged: the training loss was nan after epoch 1", "seconds": 0.12032504600028915, "peak_bytes": 0, "processes": 0, "memory_free_bytes": 21126299648, "disk_free_bytes": 68638081024}}');
INSERT INTO "trial_user_attributes" VALUES(24,4,'automl.proposal','{"role": "spread", "sampler": "known_latency", "why": "spread over the latency range, 65% of the way from the fastest to the slowest", "expected_gain": null, "predicted_map": null, "predicted_map_sd": null, "latency_ms": 1.8877667570532461, "latency_sd_ms": 1.3826378579584133, "latency_measured": false}');
INSERT INTO "trial_user_attributes" VALUES(25,4,'automl.folder','"trials/00003"');
INSERT INTO "trial_user_attributes" VALUES(26,4,'automl.candidate','{"augment.policy": "none", "backbone.name": "lcnet_050", "deploy.nms_iou": 0.7, "head.kind": "end2end", "neck.depth": 1, "neck.width": 16, "prune.importance": "none", "size.pixels": 160, "train.batch": 8, "train.box": 8.998544536971087, "train.class_weights": 0.0, "train.close_mosaic": 0.3, "train.cls": 0.9781683805201336, "train.cosine": true, "train.dfl": 1.5, "train.freeze": 0, "train.lr0": 0.004197759652787265, "train.lrf": 0.05, "train.momentum": 0.9, "train.nbs": 8, "train.optimizer": "AdamW", "train.pretrained": "none", "train.warmup": 0.1, "train.weight_decay": 0.0006361640600656704}');
INSERT INTO "trial_user_attributes" VALUES(27,4,'automl.latency.untrained','{"p50_ms": 0.8918369032016775, "p95_ms": 1.070204283842013, "p50_low_ms": 0.8829185341696607, "p50_high_ms": 0.9007552722336943, "network_ms": 0.7134695225613421, "samples": 60, "reference_ms": 1.0, "stable": true, "note": "", "device": "f180ab87e45f95fe", "peak_bytes": 100000000}');
INSERT INTO "trial_user_attributes" VALUES(28,4,'automl.attempts','[{"outcome": "failed", "reason": "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "error_class": "out of device memory", "death": {"log_tail": "Traceback (most recent call last):\n  File \"/old/automl/search/child.py\", line 78, in _run\n    return run_trial(job, messenger)\n           ^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/old/automl/tests/quick_trainer.py\", line 49, in run_trial\n    word = _train(job, listener, done)\n           ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/old/automl/tests/quick_trainer.py\", line 101, in _train\n    _suffer(job, epoch)\n  File \"/old/automl/tests/quick_trainer.py\", line 165, in _suffer\n    FAULTS[kind](job)\n  File \"/old/automl/tests/quick_trainer.py\", line 219, in _no_device_memory\n    raise torch.OutOfMemoryError(\"CUDA out of memory. Tried to allocate 2.00 GiB\")\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "seconds": 0.08697025300079986, "peak_bytes": 0, "processes": 0, "memory_free_bytes": 21099532288, "disk_free_bytes": 68637855744}}]');
INSERT INTO "trial_user_attributes" VALUES(29,4,'automl.rungs','[{"epoch": 1, "map": 0.25361668193528736, "map50": 0.32970168651587356, "seconds": 0.002, "loss": 1.0, "decides": true}]');
INSERT INTO "trial_user_attributes" VALUES(30,4,'automl.decisions','[{"epoch": 1, "decision": "pause", "why": "worth more now: the script''s step 7", "predicted_map": null, "predicted_map_sd": null}]');
INSERT INTO "trial_user_attributes" VALUES(31,4,'automl.resources','{"parameters": 1000000, "multiply_adds": 100000000, "artifact_bytes": 8, "training_peak_bytes": 339345408, "seconds": {"build": 0.002, "train": 0.002}}');
INSERT INTO "trial_user_attributes" VALUES(32,4,'automl.paused','true');
INSERT INTO "trial_user_attributes" VALUES(33,2,'automl.ending','{"outcome": "stopped at a rung", "reason": "behind the front", "error_class": "", "death": null}');
INSERT INTO "trial_user_attributes" VALUES(34,5,'automl.proposal','{"role": "gain", "sampler": "known_latency", "why": "highest expected gain of the front among 726 candidates: 53.25% of its hypervolume", "expected_gain": 0.5196412462595089, "predicted_map": 0.41752215547047117, "predicted_map_sd": 0.27690805756932957, "latency_ms": 0.30476128842947775, "latency_sd_ms": 0.0, "latency_measured": true}');
INSERT INTO "trial_user_attributes" VALUES(35,5,'automl.latency.untrained','{"p50_ms": 0.30476128842947775, "p95_ms": 0.36571354611537327, "p50_low_ms": 0.30171367554518297, "p50_high_ms": 0.30780890131377253, "network_ms": 0.2438090307435822, "samples": 60, "reference_ms": 1.0, "stable": true, "note": "", "device": "f180ab87e45f95fe", "peak_bytes": 100000000}');
INSERT INTO "trial_user_attributes" VALUES(36,5,'automl.folder','"trials/00004"');
INSERT INTO "trial_user_attributes" VALUES(37,5,'automl.candidate','{"augment.policy": "none", "backbone.name": "tinynet_e", "deploy.nms_iou": 0.7, "head.kind": "nms", "neck.depth": 1, "neck.width": 16, "prune.importance": "none", "size.pixels": 64, "train.batch": 8, "train.box": 8.943915010970773, "train.class_weights": 0.5, "train.close_mosaic": 0.3, "train.cls": 1.1460568535115052, "train.cosine": true, "train.dfl": 1.5, "train.freeze": 0, "train.lr0": 0.001368589580504167, "train.lrf": 0.05, "train.momentum": 0.9, "train.nbs": 8, "train.optimizer": "SGD", "train.pretrained": "none", "train.warmup": 0.1, "train.weight_decay": 0.006612873471409977}');
INSERT INTO "trial_user_attributes" VALUES(38,5,'automl.rungs','[{"epoch": 1, "map": 0.14142556293773034, "map50": 0.18385323181904945, "seconds": 0.002, "loss": 1.0, "decides": true}]');
INSERT INTO "trial_user_attributes" VALUES(39,5,'automl.decisions','[{"epoch": 1, "decision": "pause", "why": "the budget leaves nothing for it that is worth its time", "predicted_map": null, "predicted_map_sd": null}]');
INSERT INTO "trial_user_attributes" VALUES(40,5,'automl.resources','{"parameters": 1000000, "multiply_adds": 100000000, "artifact_bytes": 8, "training_peak_bytes": 339611648, "seconds": {"build": 0.002, "train": 0.002}}');
INSERT INTO "trial_user_attributes" VALUES(41,5,'automl.paused','true');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,3.84828723503928715743e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,1,8.15897134063035101014e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-25 17:13:44.636136','2026-11-25 17:13:51.254114');
INSERT INTO "trials" VALUES(2,1,1,'PRUNED','2026-11-25 17:13:51.348183','2026-11-25 17:13:54.600237');
INSERT INTO "trials" VALUES(3,2,1,'FAIL','2026-11-25 17:13:51.964905','2026-11-25 17:13:52.960372');
INSERT INTO "trials" VALUES(4,3,1,'RUNNING','2026-11-25 17:13:53.138974',NULL);
INSERT INTO "trials" VALUES(5,4,1,'RUNNING','2026-11-25 17:13:54.685998',NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
