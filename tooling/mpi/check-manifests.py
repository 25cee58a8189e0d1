"""Holds the Kubernetes manifests of recipes/ against the schemas of those who read them.

Kubernetes' own objects against its OpenAPI schema (PyPI's kubernetes-validate has it inside), MPIJobs against the custom resource definition
of the MPI operator (its Go module has it): a field that is misspelt, of another type, or missing is an error, as with `kubectl apply
--validate=strict`. Called by check-manifests.sh, which gets both: check-manifests.py CUSTOM_RESOURCE_DEFINITION MANIFEST...
"""

import sys

import jsonschema
import kubernetes_validate
import yaml


def strict(schema):
    """The schema with fields refused that it does not know, as the API server does in strict validation."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    # `properties` may also be the name of a field, whose value is a schema and has a type.
    fields = schema.get("properties")
    is_object = isinstance(fields, dict) and not isinstance(fields.get("type"), str)
    if is_object and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made


def schema_of(definition, manifest):
    """What a definition says of the version that a manifest is of."""
    version = manifest["apiVersion"].rsplit("/", 1)[1]
    [found] = [each for each in definition["spec"]["versions"] if each["name"] == version]
    schema = strict(found["schema"]["openAPIV3Schema"])
    # The definition leaves out what every object has.
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def errors_of(manifest, definition):
    if manifest["kind"] == definition["spec"]["names"]["kind"]:
        validator = jsonschema.Draft4Validator(schema_of(definition, manifest))
        return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(manifest)]
    try:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    return []


def spoilt(manifest):
    """The manifest with the image of its first container misspelt."""
    text = yaml.safe_dump(manifest)
    return yaml.safe_load(text.replace("image:", "imagge:", 1))


def main():
    definition_file, *files = sys.argv[1:]
    with open(definition_file, encoding="utf-8") as file:
        definition = yaml.safe_load(file)
    failed = False
    for name in files:
        with open(name, encoding="utf-8") as file:
            manifest = yaml.safe_load(file)
        errors = errors_of(manifest, definition)
        for error in errors:
            print(f"{name}: {error}")
        # A check that takes everything would be none.
        if not errors and not errors_of(spoilt(manifest), definition):
            errors = ["a misspelt field was not found"]
            print(f"{name}: {errors[0]}")
        print(f"{name}: {'FAILED' if errors else 'ok'} ({manifest['apiVersion']} {manifest['kind']})")
        failed = failed or bool(errors)
    sys.exit(1 if failed else 0)


main()
