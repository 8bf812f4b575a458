"""The CustomResourceDefinition, made from the types of the document and of its status."""
