"""What is read and done in Azure: facts, the steps of a containment, and the lists that Azure keeps."""
